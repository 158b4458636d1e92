package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// memory keeps files and jobs for a test.
type memory struct {
	files map[string][]byte
	jobs  []Job
	err   error
}

func (store *memory) Put(_ context.Context, name string, content []byte) error {
	store.files[name] = content
	return store.err
}

func (store *memory) Get(_ context.Context, name string) ([]byte, error) {
	content, found := store.files[name]
	if !found {
		return nil, errAbsent
	}
	return content, store.err
}

func (store *memory) Accept(_ context.Context, job Job) (string, error) {
	if job.Model != "digits" {
		return "", errUnknownModel
	}
	store.jobs = append(store.jobs, job)
	return newID(time.Now()), nil
}

func started() (*memory, *Server) {
	store := &memory{files: map[string][]byte{}}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	return store, &Server{Files: store, Jobs: store, MaxBytes: 64, Log: log}
}

func ask(server *Server, method, path, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	request.Header.Set("x-caller", "ann")
	answer := httptest.NewRecorder()
	server.Handler().ServeHTTP(answer, request)
	return answer
}

func expect(t *testing.T, answer *httptest.ResponseRecorder, status int, text string) {
	t.Helper()
	if answer.Code != status || !strings.Contains(answer.Body.String(), text) {
		t.Fatalf("%d %s, and not %d %s", answer.Code, answer.Body, status, text)
	}
}

func TestKeepsAFile(t *testing.T) {
	store, server := started()
	expect(t, ask(server, "PUT", "/v1/files/a", "text"), http.StatusCreated, `"name":"a"`)
	expect(t, ask(server, "GET", "/v1/files/a", ""), http.StatusOK, "text")
	expect(t, ask(server, "GET", "/v1/files/b", ""), http.StatusNotFound, "/problems/not-found")
	if len(store.jobs) != 0 {
		t.Fatal("nobody asked for a prediction")
	}
}

func TestHasAFilePredicted(t *testing.T) {
	store, server := started()
	expect(t, ask(server, "PUT", "/v1/files/a?model=digits", `{"input":{"x":1}}`), http.StatusCreated, `"job":"`)
	if len(store.jobs) != 1 || string(store.jobs[0].Input) != `{"x":1}` || store.jobs[0].Caller != "ann" {
		t.Fatalf("%+v", store.jobs)
	}
	expect(t, ask(server, "PUT", "/v1/files/a?model=other", `{"input":{}}`), http.StatusUnprocessableEntity, "no model")
	expect(t, ask(server, "PUT", "/v1/files/a?model=digits", "text"), http.StatusUnprocessableEntity, "/problems/invalid-body")
}

func TestRefusesWhatIsTooLarge(t *testing.T) {
	_, server := started()
	expect(t, ask(server, "PUT", "/v1/files/a", strings.Repeat("x", 65)), http.StatusRequestEntityTooLarge, "At most 64 bytes")
}

func TestSaysThatTheStoreIsAway(t *testing.T) {
	store, server := started()
	store.err = io.ErrUnexpectedEOF
	expect(t, ask(server, "PUT", "/v1/files/a", "text"), http.StatusServiceUnavailable, "/problems/objects-unavailable")
}

func TestIsNotReadyWhileItDrains(t *testing.T) {
	_, server := started()
	expect(t, ask(server, "GET", "/readyz", ""), http.StatusOK, "ok")
	server.Drain()
	expect(t, ask(server, "GET", "/readyz", ""), http.StatusServiceUnavailable, "/problems/draining")
	expect(t, ask(server, "GET", "/livez", ""), http.StatusOK, "ok")
}

func TestNamesEverySettingThatIsWrong(t *testing.T) {
	_, err := readSettings(func(string) string { return "" })
	for _, name := range []string{"SERVICE_NAME", "REDIS_URL", "OBJECTS_URL", "OBJECTS_ACCESS_KEY"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Fatalf("%v does not name %s", err, name)
		}
	}
}

func TestIDsSortByTime(t *testing.T) {
	early, late := newID(time.UnixMilli(1)), newID(time.UnixMilli(1<<40))
	if early >= late || len(early) != 26 {
		t.Fatalf("%s %s", early, late)
	}
}
