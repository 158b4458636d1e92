package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// errAbsent says that a file is not in the store.
var errAbsent = errors.New("there is no such file")

// Files keeps files by name.
type Files interface {
	Put(ctx context.Context, name string, content []byte) error
	Get(ctx context.Context, name string) ([]byte, error)
}

// objectFiles keeps the files of one archive in a bucket.
type objectFiles struct {
	client *minio.Client
	bucket string
	folder string
}

// openFiles opens the store at an address whose path is the bucket.
func openFiles(address *url.URL, accessKey, secretKey, folder string) (Files, error) {
	client, err := minio.New(address.Host, &minio.Options{
		Creds:        credentials.NewStaticV4(accessKey, secretKey, ""),
		Secure:       address.Scheme == "https",
		BucketLookup: minio.BucketLookupPath,
		// Without it the store is asked first where it is.
		Region: "us-east-1",
	})
	return objectFiles{client, strings.Trim(address.Path, "/"), folder}, err
}

func (files objectFiles) Put(ctx context.Context, name string, content []byte) error {
	options := minio.PutObjectOptions{DisableMultipart: true, DisableContentSha256: true}
	size := int64(len(content))
	_, err := files.client.PutObject(ctx, files.bucket, files.folder+"/"+name, bytes.NewReader(content), size, options)
	return err
}

func (files objectFiles) Get(ctx context.Context, name string) ([]byte, error) {
	object, err := files.client.GetObject(ctx, files.bucket, files.folder+"/"+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer func() { _ = object.Close() }()
	content, err := io.ReadAll(object)
	if minio.ToErrorResponse(err).StatusCode == http.StatusNotFound {
		return nil, errAbsent
	}
	return content, err
}
