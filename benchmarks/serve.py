"""Measure `rewardkit serve` under load: rows a second, latency, and whether any row is lost.

200 clients send requests at the same time, each the next one when it has its answer, over real
connections to the command in a process of its own. Every answer is compared with the totals that
the rewards give in this process. The five fixed XML presets score the rows of `throughput.py`.
The rate is given by the clock and per second of the server's processor time, which other work on
the machine does not change.

    python benchmarks/serve.py [--clients 200] [--rows 64] [--seconds 10] [--workers 1]
        [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rewardkit import Scorer, presets
from throughput import made

NAMES = (
    *("xmlcount_reward_func", "soft_format_reward_func", "strict_format_reward_func"),
    *("int_reward_func", "correctness_reward_func"),
)
ROWS_BOUND = 5000.0
"""The bound of rows a second on two cores, in requests of 64 rows."""
BODIES = 32
TICK = os.sysconf("SC_CLK_TCK")


def make_bodies(rows: int) -> list[tuple[bytes, list[float | None]]]:
    """Return the bodies of requests, each with the totals of its rows."""
    scorer = Scorer([getattr(presets, name) for name in NAMES])
    bodies = []
    for number in range(BODIES):
        completions, answers = made(rows, number * rows)
        columns: dict[str, list[Any]] = {"completion": completions, "answer": answers}
        totals = scorer.score_columns(columns).totals
        pairs = zip(completions, answers, strict=True)
        body = {"rows": [{"completion": text, "answer": answer} for text, answer in pairs]}
        bodies.append((json.dumps(body).encode(), totals))
    return bodies


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes
) -> tuple[int, bytes]:
    """Send a request and return the answer's status and body."""
    head = "POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    answer_head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(answer_head.split(b"content-length:")[1].split(b"\r\n")[0])
    return int(answer_head.split()[1]), await reader.readexactly(length)


async def run_client(
    port: int, bodies: list[tuple[bytes, list[float | None]]], first: int, until: float
) -> list[float]:
    """Send requests until a time; return the seconds of each. Raises if a row is lost or wrong."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    seconds = []
    number = first
    while time.perf_counter() < until:
        body, totals = bodies[number % len(bodies)]
        number += 1
        start = time.perf_counter()
        status, answer = await ask(reader, writer, body)
        seconds.append(time.perf_counter() - start)
        found = json.loads(answer)
        if status != 200 or [row["reward"] for row in found["scores"]] != totals:  # noqa: PLR2004
            raise RuntimeError(f"status {status}: {answer[:200]!r}")
    writer.close()
    return seconds


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process and of its children so far."""
    total = 0.0
    for each in [pid, *children(pid)]:
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / TICK
    return total


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    path = Path(f"/proc/{pid}/task")
    listed = [(task / "children").read_text().split() for task in path.iterdir()]
    return [int(child) for pids in listed for child in pids]


async def measure(port: int, pid: int, clients: int, rows: int, seconds: float) -> dict[str, Any]:
    """Return the figures of one load."""
    bodies = make_bodies(rows)
    used, start = processor_seconds(pid), time.perf_counter()
    runs = (run_client(port, bodies, number, start + seconds) for number in range(clients))
    times = sorted(second for run in await asyncio.gather(*runs) for second in run)
    took, used = time.perf_counter() - start, processor_seconds(pid) - used
    scored = len(times) * rows
    return {
        "clients": clients,
        "rows in a request": rows,
        "rows": scored,
        "rows a second": scored / took,
        "rows a second of processor": scored / used,
        "median ms": 1000 * times[len(times) // 2],
        "p99 ms": 1000 * times[int(0.99 * (len(times) - 1))],
    }


def main() -> int:
    """Print the figures; 1 if the rate is below its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rewards = [f"rewardkit.presets:{name}" for name in NAMES]
    command = [sys.executable, "-m", "rewardkit", "serve", *rewards, "--port", "0"]
    command += ["--workers", str(options.workers)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:  # noqa: S603 - this Python
        try:
            assert server.stderr is not None  # noqa: S101 - a pipe
            port = int(server.stderr.readline().rpartition(":")[2])
            found = [
                asyncio.run(measure(port, server.pid, options.clients, rows, options.seconds))
                for rows in (options.rows, 1)
            ]
        finally:
            server.terminate()
    for figures in found:
        for name, figure in figures.items():
            print(f"{name:28} {figure:12,.0f}")
        print()
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))
    return int(found[0]["rows a second"] < ROWS_BOUND)


if __name__ == "__main__":
    sys.exit(main())
