"""A lock on an open file, which the system drops when the process ends, however it ends."""

from __future__ import annotations

import importlib
from typing import IO, Any

# Windows lets nobody else read or write what is locked, so the byte is far after any written one,
# and below 2 GiB, where its C library stops counting.
LOCKED_BYTE = 1 << 30


def try_lock(file: IO[bytes]) -> bool:
    """Lock a file until it is closed; return False if another open file holds the lock."""
    try:
        if fcntl := _import_if_there("fcntl"):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        elif msvcrt := _import_if_there("msvcrt"):
            # A file that was opened to append writes at its end, wherever the position is.
            file.seek(LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    # A system with neither module (WebAssembly) has no second process that could write.
    return True


def _import_if_there(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
