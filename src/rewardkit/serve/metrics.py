"""The server's counters, in the text format of Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from rewardkit.serve.request_scorer import Tally

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Histogram:
    """Counts of values up to each of some bounds."""

    def __init__(self, bounds: Sequence[float]) -> None:
        """Count from 0."""
        self.bounds, self.counts, self.sum = bounds, [0] * (len(bounds) + 1), 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def lines(self, name: str) -> Iterator[str]:
        """Yield the samples."""
        total = 0
        for bound, count in zip((*self.bounds, "+Inf"), self.counts, strict=True):
            total += count
            yield f'{name}_bucket{{le="{bound}"}} {total}'
        yield f"{name}_sum {self.sum}"
        yield f"{name}_count {total}"


class Metrics:
    """What a server has done since it was started."""

    def __init__(self) -> None:
        """Count from 0."""
        self.requests: dict[tuple[str, int], int] = defaultdict(int)
        self.rows = {"scored": 0, "failed": 0}
        self.rewards: dict[str, Tally] = {}
        self.seconds, self.batch_seconds = Histogram(_SECONDS), Histogram(_SECONDS)
        self.batch_requests = Histogram(_SIZES)

    def add_batch(self, requests: int, seconds: float) -> None:
        """Count a batch."""
        self.batch_requests.add(requests)
        self.batch_seconds.add(seconds)

    def add_rows(self, scored: int, failed: int, tallies: Mapping[str, Tally]) -> None:
        """Count the rows of an answer."""
        self.rows["scored"] += scored
        self.rows["failed"] += failed
        for name, tally in tallies.items():
            before = self.rewards.get(name, Tally(0, 0.0, 0))
            self.rewards[name] = Tally(
                before.values + tally.values,
                before.total + tally.total,
                before.abstained + tally.abstained,
            )

    def text(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """Return every metric; `gauges` are further ones, with a help text and a value by name."""
        lines: list[str] = []

        def add_metric(name: str, kind: str, help_text: str, samples: Iterator[str]) -> None:
            lines.extend((f"# HELP {name} {help_text}", f"# TYPE {name} {kind}", *samples))

        add_metric(
            "rewardkit_requests_total",
            "counter",
            "Requests by path and status.",
            (
                f'rewardkit_requests_total{{path="{path}",status="{status}"}} {count}'
                for (path, status), count in sorted(self.requests.items())
            ),
        )
        add_metric(
            "rewardkit_rows_total",
            "counter",
            "Rows that have scores, and rows that have an error.",
            (
                f'rewardkit_rows_total{{result="{result}"}} {count}'
                for result, count in self.rows.items()
            ),
        )
        for field, help_text in (
            ("values", "Values of each reward."),
            ("total", "The sum of each reward's values; divided by the values it is their mean."),
            ("abstained", "Rows on which each reward abstained."),
        ):
            name = f"rewardkit_reward_{'sum' if field == 'total' else field}"
            # A sum of values may fall, which a counter must not.
            kind = "gauge" if field == "total" else "counter"
            suffix = "" if field == "total" else "_total"
            add_metric(
                name + suffix,
                kind,
                help_text,
                (
                    f'{name}{suffix}{{reward="{_escape_label(reward)}"}} {getattr(tally, field)}'
                    for reward, tally in self.rewards.items()
                ),
            )
        for name, histogram, help_text in (
            ("request_seconds", self.seconds, "Seconds from a request's arrival to its answer."),
            ("batch_seconds", self.batch_seconds, "Seconds that a batch took in its worker."),
            ("batch_requests", self.batch_requests, "Requests that were scored together."),
        ):
            full = f"rewardkit_{name}"
            add_metric(full, "histogram", help_text, histogram.lines(full))
        for name, (help_text, value) in gauges.items():
            add_metric(name, "gauge", help_text, iter([f"{name} {value:g}"]))
        return "\n".join(lines) + "\n"


def _escape_label(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
