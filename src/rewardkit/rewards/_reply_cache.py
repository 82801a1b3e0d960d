"""A file of replies by the content of their requests, shared by processes and runs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

LOCK_SECONDS = 10.0  # for another process to end its writing
# a statement of SQLite takes a limited number of values, in old versions 999
_KEYS_AT_ONCE = 500


def make_key(content: Any) -> str:
    """Return the key of a request: a hash of all that its reply depends on."""
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class ReplyCache:
    """The replies in a SQLite file. Raises sqlite3.Error or OSError if it cannot be used."""

    def __init__(self, path: str) -> None:
        """Name the file; it is made when the first reply is kept."""
        self.path = Path(path).expanduser()

    def read(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the kept replies to the requests with these keys."""
        if not keys or not self.path.exists():
            return {}
        found: dict[str, str] = {}
        with closing(self._connect()) as file:
            for start in range(0, len(keys), _KEYS_AT_ONCE):
                some = keys[start : start + _KEYS_AT_ONCE]
                marks = ", ".join("?" * len(some))
                query = f"SELECT key, reply FROM replies WHERE key IN ({marks})"  # noqa: S608 - marks
                found.update(file.execute(query, some))
        return found

    def write(self, replies: Mapping[str, str]) -> None:
        """Keep replies by their keys."""
        if not replies:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._connect()) as file, file:
            file.executemany("INSERT OR REPLACE INTO replies VALUES (?, ?)", replies.items())

    def _connect(self) -> sqlite3.Connection:
        # one connection per use: it may not go into a forked process or another thread
        file = sqlite3.connect(self.path, timeout=LOCK_SECONDS)
        try:
            file.execute("CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT)")
        except BaseException:
            file.close()
            raise
        return file
