"""What the worker counts, for Prometheus. Times are in seconds.

The gauges are of the whole system, and each worker tells the same: take their maximum, not their
sum.
"""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)

DEPTH = Gauge("jobs_depth", "Jobs that are not terminal")
DUE = Gauge("jobs_due", "Jobs that wait to be handed to the queue")
DEAD = Gauge("jobs_dead", "Jobs that were given up")
OLDEST_AGE = Gauge("jobs_oldest_age_seconds", "Age of the oldest job that is not terminal")

RUNNING = Gauge("worker_running", "Jobs that this worker runs")
PAUSED = Gauge("worker_paused", "1 while inference is not ready and nothing is taken")
ATTEMPTS = Counter(
    "worker_attempts",
    "Attempts by outcome: a terminal status, retried, released or lost",
    ["outcome"],
)
DIED = Counter("worker_dead", "Jobs that this worker gave up", ["reason"])
RECLAIMS = Counter("worker_reclaims", "Jobs taken over from a worker that was lost")
EXPIRED = Counter("worker_swept", "Overdue jobs that this worker's sweep expired")
WAIT_SECONDS = Histogram("job_wait_seconds", "From acceptance to the first start", buckets=_SECONDS)
RUN_SECONDS = Histogram("job_run_seconds", "From a start to its outcome", buckets=_SECONDS)
