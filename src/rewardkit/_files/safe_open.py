"""Files that are opened for writing without following links that somebody else put there."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

# Windows has no such flags; making a link there takes an administrator.
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
# Without it, opening a named pipe waits for somebody who writes.
NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def open_unlinked(path: Path, mode: str) -> IO[bytes]:
    """Open a file that may exist; ValueError for a link, a pipe, or a file with a second name.

    In a folder where others may write, such a name could lead to any file of the user's.
    """

    def open_checked(name: str, flags: int) -> int:
        descriptor = os.open(name, flags | NO_FOLLOW | NO_WAIT, 0o666)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            os.close(descriptor)
            raise ValueError(f"{name}: not a plain file of one name; delete it")
        return descriptor

    try:
        return open(path, mode, opener=open_checked)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EMLINK):  # EMLINK is FreeBSD's
            raise
        raise ValueError(f"{path}: a symbolic link, expected a file; delete it") from None


def create_new(path: Path) -> IO[bytes]:
    """Create a file under a name that only this process writes; a file or a link there goes."""
    with suppress(FileNotFoundError):
        path.unlink()
    # Between the two lines somebody may make a link again: "x" fails then.
    return path.open("xb")
