"""What written rows depend on: the content of each file that is read, and how it is scored.

A file counts by its content: files may be renamed or moved, and new ones may come at any time, but
rows of a file that has changed since would not be those that were written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

START_AFRESH = "start afresh with --fresh (resume=False), or write to another file"


class FileDigest(NamedTuple):
    """A file of the input, or all rows of an input that is not made of files."""

    name: str
    """What messages call it; it does not identify the file."""
    digest: str
    """Of its content, as hexadecimal digits."""


class Work(NamedTuple):
    """What the rows of an output depend on."""

    files: tuple[FileDigest, ...] = ()
    """The input in the order in which its rows are written."""
    settings: Mapping[str, str] = {}
    """A digest of everything else, by what a message calls it."""

    def as_record(self) -> dict[str, Any]:
        """Return a mapping that JSON takes and `read_work` reads."""
        return {"files": [[*file] for file in self.files], **self.settings}

    def follow(self, before: Work, out: Path) -> Work:
        """Return this work with the files of an earlier run first, in the order of that run.

        Raises ValueError, with the file and what to do, if a file of the earlier run has changed or
        is gone, or if a setting differs.
        """
        changed = [name for name, value in self.settings.items() if before.settings[name] != value]
        if changed:
            names = " and ".join(changed)
            raise ValueError(f"{out} was begun with other {names}; {START_AFRESH}")
        by_digest: dict[str, deque[FileDigest]] = {}
        for file in self.files:
            by_digest.setdefault(file.digest, deque()).append(file)
        known: dict[FileDigest, None] = {}
        for file in before.files:
            found = by_digest.get(file.digest)
            if not found:
                raise ValueError(_explain_lost_file(out, file, self.files))
            known[found.popleft()] = None
        return self._replace(files=(*known, *(file for file in self.files if file not in known)))


def read_work(record: Mapping[str, Any], names: Sequence[str]) -> Work:
    """Read what `as_record` returned; ValueError, TypeError or LookupError for anything else.

    `names` are those of the settings.
    """
    files = tuple(FileDigest(*file) for file in record["files"])
    settings = {name: record[name] for name in names}
    texts = [*settings.values(), *(text for file in files for text in file)]
    if not all(type(text) is str for text in texts):
        raise TypeError
    return Work(files, settings)


def _explain_lost_file(out: Path, lost: FileDigest, files: Sequence[FileDigest]) -> str:
    if any(file.name == lost.name for file in files):
        fix = "restore it (new rows go into a file of their own)"
        return f"{out} was begun with other content of {lost.name}; {fix}, {START_AFRESH}"
    return f"{out} was begun with {lost.name}, which is not among the input now; {START_AFRESH}"
