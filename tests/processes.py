"""Check whether other processes still run."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable

CTRL_C_WORKS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
"""For scripts that are interrupted: a child of `nohup` or of a background job ignores Ctrl-C."""


def alive(pid: int | str) -> bool:
    """Return whether a process exists and is not a zombie."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)  # noqa: S607
    return shown.stdout.strip()[:1] not in {"", "Z"}


def gone(pids: Iterable[int | str], seconds: float = 20) -> bool:
    """Wait until none of the processes runs; return False if that takes too long."""
    until = time.monotonic() + seconds
    while any(map(alive, pids)):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
