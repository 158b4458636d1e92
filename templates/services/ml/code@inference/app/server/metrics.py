"""What the HTTP service counts, for Prometheus. Times are in seconds."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

REQUESTS = Counter("inference_requests", "Requests answered", ["method", "route", "status"])
BATCH_ROWS = Histogram(
    "inference_batch_rows", "Rows in a batch", ["model"], buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
WAIT_SECONDS = Histogram(
    "inference_wait_seconds", "From a request's arrival to its batch", ["model"], buckets=_SECONDS
)
RUN_SECONDS = Histogram("inference_run_seconds", "Run of one batch", ["model"], buckets=_SECONDS)
QUEUED = Gauge("inference_queue_length", "Requests waiting for the model", ["model"])
