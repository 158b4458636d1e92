// An archive keeps files in an object store, and has what is in them predicted.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	address := flag.String("check", "", "only ask whether this address answers 200")
	flag.Parse()
	if *address != "" {
		os.Exit(check(*address))
	}
	settings, err := readSettings(os.Getenv)
	if err != nil {
		fmt.Fprintf(os.Stderr, "configuration is not valid:\n%s\n", err)
		os.Exit(1)
	}
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil)).With("service", settings.Name)
	if err := serve(settings, log); err != nil {
		log.Error(err.Error())
		os.Exit(1)
	}
}

// serve answers until it is told to stop, and then no longer than it may drain.
func serve(settings Settings, log *slog.Logger) error {
	files, err := openFiles(settings.ObjectsURL, settings.AccessKey, settings.SecretKey, settings.Name)
	if err != nil {
		return err
	}
	jobs, err := openJobs(settings)
	if err != nil {
		return err
	}
	server := &Server{Files: files, Jobs: jobs, MaxBytes: settings.MaxFileSize, Log: log}
	public := &http.Server{Addr: settings.Address, Handler: server.Handler(), ReadHeaderTimeout: 10 * time.Second}
	metrics := &http.Server{Addr: settings.Metrics, Handler: server.Metrics(), ReadHeaderTimeout: 10 * time.Second}

	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	failed := make(chan error, 2)
	go func() { failed <- public.ListenAndServe() }()
	go func() { failed <- metrics.ListenAndServe() }()
	log.Info("listens", "address", settings.Address)
	select {
	case err := <-failed:
		return err
	case <-stopped.Done():
	}
	server.Drain()
	limit, cancel := context.WithTimeout(context.Background(), settings.DrainFor)
	defer cancel()
	_ = metrics.Close()
	return public.Shutdown(limit)
}

func check(address string) int {
	client := http.Client{Timeout: 4 * time.Second}
	answer, err := client.Get(address)
	if err != nil {
		return 1
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}
