package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Settings is what the service reads of its environment, which nothing else in it does.
type Settings struct {
	Name        string
	Address     string
	Metrics     string
	RedisURL    string
	ObjectsURL  *url.URL
	Inference   map[string]string
	Contracts   string
	Limits      Limits
	AccessKey   string
	SecretKey   string
	DrainFor    time.Duration
	MaxFileSize int64
}

// Limits are numbers of contracts/limits.json, by name.
type Limits map[string]float64

// readSettings reads the environment, or says everything that is wrong with it.
func readSettings(environment func(string) string) (Settings, error) {
	var problems []error
	problem := func(name, text string) { problems = append(problems, fmt.Errorf("  %s  %s", name, text)) }
	or := func(name, other string) string {
		if value := environment(name); value != "" {
			return value
		}
		return other
	}
	needed := func(name string) string {
		value := environment(name)
		if value == "" {
			problem(name, "is missing")
		}
		return value
	}

	settings := Settings{
		Name:      needed("SERVICE_NAME"),
		RedisURL:  needed("REDIS_URL"),
		AccessKey: needed("OBJECTS_ACCESS_KEY"),
		SecretKey: needed("OBJECTS_SECRET_KEY"),
		Contracts: or("CONTRACTS_DIR", "../../contracts"),
		Inference: map[string]string{},
	}
	host := or("HOST", "127.0.0.1")
	settings.Address = host + ":" + or("PORT", "3100")
	settings.Metrics = host + ":" + or("METRICS_PORT", "9464")
	for _, entry := range strings.Split(environment("INFERENCE_URLS"), ",") {
		if name, address, found := strings.Cut(strings.TrimSpace(entry), "="); found {
			settings.Inference[name] = strings.TrimRight(address, "/")
		}
	}
	objects, err := url.Parse(needed("OBJECTS_URL"))
	if err != nil || objects.Host == "" {
		problem("OBJECTS_URL", "must be an address of an object store")
	}
	settings.ObjectsURL = objects
	limits, err := readLimits(filepath.Join(settings.Contracts, "limits.json"), environment)
	if err != nil {
		problem("limits.json", err.Error())
	}
	settings.Limits = limits
	settings.DrainFor = time.Duration(limits["drain_s"] * float64(time.Second))
	settings.MaxFileSize = int64(limits["archive_max_bytes"])
	return settings, errors.Join(problems...)
}

// readLimits reads the numbers that services share; one of the environment wins within its bounds.
func readLimits(path string, environment func(string) string) (Limits, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var shared map[string]struct{ Value, Min, Max float64 }
	if err := json.Unmarshal(text, &shared); err != nil {
		return nil, err
	}
	limits := Limits{}
	for name, limit := range shared {
		limits[name] = limit.Value
		given := environment(strings.ToUpper(name))
		if given == "" {
			continue
		}
		value, err := strconv.ParseFloat(given, 64)
		if err != nil || value < limit.Min || value > limit.Max {
			return nil, fmt.Errorf("%s must be from %g to %g", strings.ToUpper(name), limit.Min, limit.Max)
		}
		limits[name] = value
	}
	return limits, nil
}
