"""Whatever a person gives as rows: a path, `-` for standard input, a hub id, an object."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rewardkit._files.chunks import EXTRA, Chunk
from rewardkit._files.memory import DatasetSource, read_object
from rewardkit._files.reading import read_jsonl, skip_rows
from rewardkit._files.source import RowSource, Source
from rewardkit._messages import error_line, shorten_text
from rewardkit._optional import require

STANDARD_STREAM = "-"
"""The path that means standard input, or standard output."""

# owner/name, with a configuration and a split after it: openai/gsm8k:main/train
HUB_ID = re.compile(
    r"(?P<id>[\w-][\w.-]*/[\w.-]+)(?::(?:(?P<config>[\w.-]+)/)?(?P<split>[\w.\[\]%:-]+))?"
)


def open_rows(given: Any) -> RowSource:
    """Return the rows that an argument means.

    A path is resolved as by `Source.resolve`; `-` is JSON lines on standard input;
    `OWNER/NAME[:[CONFIG/]SPLIT]` is a dataset on the hub, unless there is a file or a folder of
    that name. Anything else holds the rows: see `read_object`.
    """
    if not isinstance(given, str | os.PathLike):
        return read_object(given)
    if str(given) == STANDARD_STREAM:
        return _spool_standard_input()
    try:
        return Source.resolve(Path(given) if isinstance(given, os.PathLike) else given)
    except FileNotFoundError as missing:
        parts = HUB_ID.fullmatch(str(given))
        # A slip in a path must not ask the hub: that has the folder, or a data file's ending.
        if parts is None or Path(str(given)).parent.is_dir() or _looks_like_file(parts["id"]):
            raise
        return _load_from_hub(parts, missing)


def _looks_like_file(name: str) -> bool:
    return Path(name).suffix in (".jsonl", ".json", ".csv", ".parquet", ".gz")


MAX_HUB_SECONDS = 10.0
MAX_REASON_CHARACTERS = 300  # an error of the hub may be a page
# By name: which HTTP client the hub's packages have depends on their versions.
_NETWORK_ERRORS = {"ConnectionError", "TimeoutError", "TransportError", "Timeout"}


def _load_from_hub(parts: re.Match[str], missing: FileNotFoundError) -> RowSource:
    datasets = require("datasets", install=EXTRA)
    hub = require("huggingface_hub", install=EXTRA)
    name, config, split = parts["id"], parts["config"], parts["split"]
    try:
        if not hub.constants.HF_HUB_OFFLINE:
            # Without a network this fails at once, while `datasets` tries for half a minute.
            hub.HfApi().dataset_info(name, timeout=MAX_HUB_SECONDS)
        splits = [split] if split else datasets.get_dataset_split_names(name, config)
        dataset = datasets.load_dataset(name, config, split=splits[0]) if len(splits) == 1 else None
    except Exception as error:  # noqa: BLE001 - no network, no such dataset: of several packages
        raise FileNotFoundError(f"{missing}; {_explain_hub_error(error, hub)}") from None
    if dataset is None:
        colon = f"{name}:{config}/" if config else f"{name}:"
        choices = " or ".join(colon + each for each in splits)
        raise ValueError(f"{name}: a dataset with several splits; give one of them: {choices}")
    return DatasetSource(dataset, parts[0])


def _explain_hub_error(error: Exception, hub: Any) -> str:
    reason = shorten_text(error_line(error), MAX_REASON_CHARACTERS)
    if _NETWORK_ERRORS.isdisjoint(base.__name__ for base in type(error).__mro__):
        return f"nor is it a dataset on the hub that can be read ({reason})"
    problem = f"the hub, where it may be a dataset, cannot be reached ({reason})"
    fix = "save it where there is a network, dataset.save_to_disk(FOLDER), and give the folder"
    cached = "" if hub.constants.HF_HUB_OFFLINE else "; if it is in the cache, set HF_HUB_OFFLINE=1"
    return f"{problem}; {fix}{cached}"


class _StandardInput(Source):
    """A temporary file of what came on standard input, which cannot be read twice."""

    def chunks(self, *, size: int = 1024, start: int = 0) -> Iterator[Chunk]:
        """Yield the rows from number `start` on, counted from 0, at most `size` at once."""
        return skip_rows(start, read_jsonl(self.files[0], size, self.name))

    def _name_of(self, _: Path) -> str:
        return self.name  # a message about a temporary file would puzzle


def _spool_standard_input() -> RowSource:
    folder = Path(tempfile.mkdtemp(prefix="rewardkit-"))
    source = _StandardInput("standard input", "jsonl", (folder / "stdin.jsonl",))
    # Removed with the source, or at exit.
    weakref.finalize(source, shutil.rmtree, folder, ignore_errors=True)
    with source.files[0].open("wb") as spooled:
        shutil.copyfileobj(sys.stdin.buffer, spooled)
    return source
