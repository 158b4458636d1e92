package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
)

// Server answers requests for the files of one archive.
type Server struct {
	Files    Files
	Jobs     Jobs
	MaxBytes int64
	Log      *slog.Logger

	draining atomic.Bool
	requests atomic.Int64
}

// Handler is what clients meet.
func (server *Server) Handler() http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /livez", func(answer http.ResponseWriter, _ *http.Request) { ok(answer) })
	routes.HandleFunc("GET /readyz", server.ready)
	routes.HandleFunc("PUT /v1/files/{name}", server.put)
	routes.HandleFunc("GET /v1/files/{name}", server.get)
	routes.HandleFunc("/", func(answer http.ResponseWriter, request *http.Request) {
		refuse(answer, request, http.StatusNotFound, "not-found", "There is nothing here.")
	})
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		server.requests.Add(1)
		routes.ServeHTTP(answer, request)
	})
}

// Metrics is what Prometheus reads.
func (server *Server) Metrics() http.Handler {
	return http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("content-type", "text/plain; version=0.0.4")
		_, _ = fmt.Fprintf(answer, "# TYPE archive_requests_total counter\narchive_requests_total %d\n", server.requests.Load())
	})
}

// Drain makes the server say that it goes.
func (server *Server) Drain() { server.draining.Store(true) }

func (server *Server) ready(answer http.ResponseWriter, request *http.Request) {
	if server.draining.Load() {
		refuse(answer, request, http.StatusServiceUnavailable, "draining", "It is about to end.")
		return
	}
	ok(answer)
}

func (server *Server) put(answer http.ResponseWriter, request *http.Request) {
	content, err := io.ReadAll(http.MaxBytesReader(answer, request.Body, server.MaxBytes))
	if err != nil {
		refuse(answer, request, http.StatusRequestEntityTooLarge, "body-too-large", fmt.Sprintf("At most %d bytes.", server.MaxBytes))
		return
	}
	name, model := request.PathValue("name"), request.URL.Query().Get("model")
	input := json.RawMessage(nil)
	if model != "" {
		var body struct{ Input json.RawMessage }
		if json.Unmarshal(content, &body) != nil || len(body.Input) == 0 {
			refuse(answer, request, http.StatusUnprocessableEntity, "invalid-body", "A file that is predicted is JSON with an `input`.")
			return
		}
		input = body.Input
	}
	if err := server.Files.Put(request.Context(), name, content); err != nil {
		server.fail(answer, request, "objects-unavailable", "The object store did not answer.", err)
		return
	}
	said := map[string]string{"name": name}
	if model != "" {
		job := Job{request.Header.Get("x-caller"), model, input, request.Header.Get("traceparent")}
		id, err := server.Jobs.Accept(request.Context(), job)
		switch {
		case errors.Is(err, errUnknownModel):
			refuse(answer, request, http.StatusUnprocessableEntity, "invalid-query", "There is no model `"+model+"`.")
			return
		case errors.Is(err, errFull):
			refuse(answer, request, http.StatusServiceUnavailable, "queue-full", "There are too many jobs already.")
			return
		case err != nil:
			server.fail(answer, request, "jobs-unavailable", "The file is kept, and its job was not accepted.", err)
			return
		}
		said["job"] = id
	}
	answer.Header().Set("content-type", "application/json")
	answer.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(answer).Encode(said)
}

func (server *Server) get(answer http.ResponseWriter, request *http.Request) {
	content, err := server.Files.Get(request.Context(), request.PathValue("name"))
	switch {
	case errors.Is(err, errAbsent):
		refuse(answer, request, http.StatusNotFound, "not-found", "There is no such file.")
	case err != nil:
		server.fail(answer, request, "objects-unavailable", "The object store did not answer.", err)
	default:
		answer.Header().Set("content-type", "application/octet-stream")
		_, _ = answer.Write(content)
	}
}

// fail answers 503 and keeps the reason for the log.
func (server *Server) fail(answer http.ResponseWriter, request *http.Request, slug, detail string, err error) {
	server.Log.Error(detail, "err", err.Error())
	refuse(answer, request, http.StatusServiceUnavailable, slug, detail)
}

func ok(answer http.ResponseWriter) {
	answer.Header().Set("content-type", "application/json")
	_, _ = answer.Write([]byte(`{"status":"ok"}`))
}

// refuse answers with a problem document (RFC 9457).
func refuse(answer http.ResponseWriter, request *http.Request, status int, slug, detail string) {
	answer.Header().Set("content-type", "application/problem+json")
	answer.WriteHeader(status)
	_ = json.NewEncoder(answer).Encode(map[string]any{
		"type":     "/problems/" + slug,
		"title":    http.StatusText(status),
		"status":   status,
		"detail":   detail,
		"instance": request.URL.Path,
	})
}
