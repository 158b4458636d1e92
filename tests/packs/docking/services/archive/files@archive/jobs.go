package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// errUnknownModel says that no service has the model.
var errUnknownModel = errors.New("there is no such model")

// errFull says that there are too many jobs already.
var errFull = errors.New("there are too many jobs already")

// Job is what is to be predicted, and for whom.
type Job struct {
	Caller      string
	Model       string
	Input       []byte
	Traceparent string
}

// Jobs takes jobs in.
type Jobs interface {
	Accept(ctx context.Context, job Job) (id string, err error)
}

// storedJobs puts jobs into the state store by the script that every language runs. The script also
// writes the outbox, from which workers hand jobs to the queue, whichever it is: no client of a broker
// is needed here, and no crash can come between the two.
type storedJobs struct {
	redis     *redis.Client
	accept    *redis.Script
	limits    Limits
	inference map[string]string
}

func openJobs(settings Settings) (Jobs, error) {
	options, err := redis.ParseURL(settings.RedisURL)
	if err != nil {
		return nil, err
	}
	var text []byte
	for _, name := range []string{"lib.lua", "accept.lua"} {
		part, err := os.ReadFile(filepath.Join(settings.Contracts, "lua", name))
		if err != nil {
			return nil, err
		}
		text = append(append(text, part...), '\n')
	}
	script := redis.NewScript(string(text))
	return storedJobs{redis.NewClient(options), script, settings.Limits, settings.Inference}, nil
}

func (jobs storedJobs) Accept(ctx context.Context, job Job) (string, error) {
	service, err := jobs.serviceWith(ctx, job.Model)
	if err != nil {
		return "", err
	}
	id := newID(time.Now())
	arguments, err := json.Marshal(map[string]any{
		"id":          id,
		"caller":      job.Caller,
		"service":     service,
		"model":       job.Model,
		"deadline_s":  jobs.limits["deadline_default_s"],
		"traceparent": job.Traceparent,
		"max_live":    jobs.limits["queue_max_live"],
		"stream":      false,
		"limits": map[string]float64{
			"result_s":      jobs.limits["result_ttl_s"],
			"events_s":      jobs.limits["events_ttl_s"],
			"dead_s":        jobs.limits["dead_ttl_s"],
			"events_maxlen": jobs.limits["events_maxlen"],
		},
	})
	if err != nil {
		return "", err
	}
	answer, err := jobs.accept.Run(ctx, jobs.redis, nil, string(arguments), string(job.Input)).Text()
	if err != nil {
		return "", err
	}
	var reply struct{ Result string }
	if err := json.Unmarshal([]byte(answer), &reply); err != nil {
		return "", err
	}
	switch reply.Result {
	case "accepted", "replayed":
		return id, nil
	case "full":
		return "", errFull
	default:
		return "", fmt.Errorf("the job was not accepted: %s", reply.Result)
	}
}

// serviceWith is the first service that has the model.
func (jobs storedJobs) serviceWith(ctx context.Context, model string) (string, error) {
	names := make([]string, 0, len(jobs.inference))
	for name := range jobs.inference {
		names = append(names, name)
	}
	slices.Sort(names)
	var lost error
	for _, name := range names {
		address := jobs.inference[name] + "/v2/models/" + url.PathEscape(model)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return "", err
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			lost = err
			continue
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return name, nil
		}
	}
	if lost != nil {
		return "", lost
	}
	return "", errUnknownModel
}

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newID is a new id that sorts by time: https://github.com/ulid/spec
func newID(now time.Time) string {
	id := make([]byte, 26)
	rest := now.UnixMilli()
	for place := 9; place >= 0; place-- {
		id[place] = alphabet[rest%32]
		rest /= 32
	}
	random := make([]byte, 16)
	_, _ = rand.Read(random) // It never fails.
	for place, number := range random {
		id[10+place] = alphabet[number%32]
	}
	return string(id)
}
