"""What the service counts, in Prometheus form; one registry per app, none global."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ocrsvc.cache import Source
from ocrsvc.reader import StageTimes

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counters and histograms of one app; also the observer of the batcher and of the door."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = self._counter("requests", "Requests answered.", "operation", "status")
        self._request_s = self._histogram(
            "request_seconds", "Seconds from first byte to answer.", _SECONDS, "operation"
        )
        self._in_progress = self._gauge("requests_in_progress", "Requests begun and not yet answered.")
        self._stages = self._histogram("stage_seconds", "Seconds a picture took in a stage.", _SECONDS, "stage")
        self._queue = self._gauge("queue_lines", "Lines that wait for a batch.")
        self._batch_rows = self._histogram("batch_rows", "Lines in a batch.", _ROWS)
        self._batch_s = self._histogram("batch_seconds", "Seconds the recogniser took for a batch.", _SECONDS)
        self._columns = self._counter(
            "batch_columns", "Pixel columns recognised: those of lines, and those with their padding.", "kind"
        )
        self._refusals = self._counter("refusals", "Requests refused at the door.", "reason")
        self._answers = self._counter("answers", "Answered pictures by where the answer came from.", "source")
        self._lines = self._counter("lines", "Lines in answers.")
        self._cache_bytes = self._gauge("cache_bytes", "Bytes of answers kept.")

    def request_begun(self) -> None:
        """Count a request as in progress."""
        self._in_progress.inc()

    def request_ended(self, operation: str, status: int, seconds: float) -> None:
        """Count an answered request; status 499 is a client that hung up."""
        self._in_progress.dec()
        self._requests.labels(operation, str(status)).inc()
        self._request_s.labels(operation).observe(seconds)

    def refused(self, reason: str) -> None:
        """Count a request refused at the door: for want of room for `requests`, `pixels` or `bytes`."""
        self._refusals.labels(reason).inc()

    def answered(self, source: Source, lines: int, timings: StageTimes) -> None:
        """Count one picture's answer; stage times only of one that was computed for it."""
        self._answers.labels(source.value).inc()
        self._lines.inc(lines)
        if source is Source.COMPUTED:
            for stage in ("decode", "detect", "queue", "recognise"):
                self._stages.labels(stage).observe(getattr(timings, f"{stage}_s"))

    def batch_done(self, rows: int, real_columns: int, padded_columns: int, seconds: float) -> None:
        """Count one batch of the recogniser."""
        self._batch_rows.observe(rows)
        self._columns.labels("real").inc(real_columns)
        self._columns.labels("padded").inc(padded_columns)
        self._batch_s.observe(seconds)

    def queue_depth(self, lines: int) -> None:
        """Note how many lines wait for a batch."""
        self._queue.set(lines)

    def cache_holds(self, size_bytes: int) -> None:
        """Note the size of the kept answers."""
        self._cache_bytes.set(size_bytes)

    def render(self) -> bytes:
        """Return everything in the Prometheus text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"ocrsvc_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"ocrsvc_{name}", text, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"ocrsvc_{name}", text, labels, registry=self.registry, buckets=buckets)
