"""Whether a run resumes: what scored rows depend on, and the YAML file that records it."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rewardkit import __version__
from rewardkit._files.join import JoinedSource
from rewardkit._files.journal import MAX_LINE_BYTES, State, add_suffix, explain_garbage
from rewardkit._files.source import RowSource, sidecar_path
from rewardkit._files.work import Work, read_work
from rewardkit.component import walk
from rewardkit.config import dump
from rewardkit.reward import Linear, Reward
from rewardkit.scoring.chunk_scorer import ChunkScorer
from rewardkit.scoring.pass_counts import check_runs

_STATE = "# state: "
REPLACE = "--fresh (resume=False) replaces it"
MAX_SIDECAR_BYTES = MAX_LINE_BYTES + (1 << 20)  # a line with the files, and some rewards


def describe_work(source: RowSource, scorer: ChunkScorer) -> Work:
    """Return a digest of each thing that the scored rows depend on."""
    weights = [term.weight for term in scorer.terms]
    rules = [__version__, repr(weights), repr(scorer.bias)]
    for _, reward, *_ in scorer.terms:
        if isinstance(reward, Reward):
            rules.append(_dump_all_fields(reward))
            for part in walk(reward):
                rules.append(_code_of(type(part)))
                # A function inside a wrapped reward, whose repr is an address.
                rules += [
                    _code_of(held) for held in vars(part).values() if inspect.isfunction(held)
                ]
        else:
            rules.append(_code_of(reward))
    settings = {
        "rewards": hashlib.sha256("\n".join(rules).encode()).hexdigest(),
        "columns": json.dumps(scorer.columns, sort_keys=True),
        "joined data": source.fingerprint_data() if isinstance(source, JoinedSource) else "",
    }
    return Work(tuple(source.digests()), settings)


def format_sidecar(source: RowSource, scorer: ChunkScorer, state: Mapping[str, Any]) -> str:
    """Return YAML with the rewards and their weights, and the state as a comment."""
    head = [
        f"# rewardkit {__version__} scored {source.name} with this sum, the column `reward`.",
        # The schema is only needed to resume, and is long.
        f"{_STATE}{json.dumps({**state, 'schema': None})}",
    ]
    named = [
        reward if reward.__name__ == name else reward.model_copy(update={"name": name})
        for name, reward, *_ in scorer.terms
        if isinstance(reward, Reward)
    ]
    if len(named) == len(scorer.terms):
        weights = tuple(term.weight for term in scorer.terms)
        total = Linear(terms=tuple(named), weights=weights, bias=scorer.bias)
        with suppress(ValueError):  # a class that is not registered, or a wrapped function
            # Every field, so that a later version's defaults do not change what the file says.
            return "\n".join([*head, "# rk.load reads it.", dump(total, defaults=True)])
    listed = "; ".join(f"{term.weight:g} times {term.name}" for term in scorer.terms)
    lines = [
        *head,
        "# rk.load cannot read it: at least one term is a plain function or a class without",
        f"# @rk.register. The terms: {listed}",
    ]
    return "\n".join(lines) + "\n"


def strip_state(sidecar: str) -> str:
    """Return the sidecar's text for a file made of the scored one: scoring cannot resume there."""
    return "".join(
        line for line in sidecar.splitlines(keepends=True) if not line.startswith(_STATE)
    )


def check_finished(out: Path, work: Work) -> tuple[Work, State | None]:
    """Return the work with the files that a finished file has first, and that file's state.

    The state is None if there is no such file, or there are rows that it does not have. Raises
    ValueError if the file exists and was made of something else.
    """
    progress = add_suffix(out, "progress")
    if not out.exists() or (progress.exists() and add_suffix(out, "part").exists()):
        return work, None
    before, state = read_finished(out, work)
    work = work.follow(before, out)
    if len(work.files) > len(before.files):
        return work, None
    progress.unlink(missing_ok=True)  # the run was killed between the last two steps
    return work, state


def read_finished(out: Path, work: Work) -> tuple[Work, State]:
    """Return the work and the state of a finished file.

    `work` names the settings. Raises ValueError if the file has no record of them, or one that
    `score` did not write.
    """
    sidecar = sidecar_path(out)
    lines = _read_lines(sidecar) if sidecar.exists() else []
    records = [(number, line) for number, line in enumerate(lines, 1) if line.startswith(_STATE)]
    if not records:
        raise ValueError(f"{out} exists, and was not written by score; {REPLACE}")
    number, line = records[0]
    try:
        state: State = json.loads(line.removeprefix(_STATE))
        check_state(state)
        return read_work(state.pop("work"), [*work.settings]), state
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise ValueError(explain_garbage(sidecar, number)) from None


def check_state(state: Any, terms: int | None = None) -> None:
    """Raise ValueError, TypeError or LookupError for a state that `score` did not write.

    `terms` is the number of tallies that it should have, None if that is not known.
    """
    if type(state["rows"]) is not int or state["rows"] < 0:
        raise ValueError
    tallies = state["tallies"] if state["rows"] else []
    if state["rows"] and terms is not None and len(tallies) != terms:
        raise ValueError
    for count, *numbers, reason in tallies:
        known = all(type(number) in (int, float) for number in numbers)
        if type(count) is not int or len(numbers) != _TALLY_NUMBERS or not known:
            raise ValueError
        if type(reason) is not str:
            raise TypeError
    if not isinstance(state.get("schema"), str | None):
        raise TypeError
    check_runs(state.get("runs"))
    if unreadable := state.get("unreadable", []):
        count, first = unreadable
        if type(count) is not int or type(first) is not str:
            raise TypeError


_TALLY_NUMBERS = 3  # the sum, the lowest and the highest value


def _read_lines(sidecar: Path) -> list[str]:
    if sidecar.stat().st_size > MAX_SIDECAR_BYTES:
        mebibytes = MAX_SIDECAR_BYTES >> 20
        raise ValueError(f"{sidecar}: more than {mebibytes} MiB, not what score wrote; delete it")
    try:
        return sidecar.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        message = f"{sidecar}: not UTF-8 text ({error.reason}, byte {error.start}); delete it"
        raise ValueError(message) from None


def _dump_all_fields(reward: Reward) -> str:
    try:
        return dump(reward, defaults=True)
    except ValueError:  # a class without a registered name, or a function in a field
        return re.sub(r" at 0x[0-9a-f]+", "", repr(reward))  # the address differs in each process


def _code_of(part: Any) -> str:
    """Return the name of a class or a function, and its whole file if that is not ours."""
    name = f"{part.__module__}.{getattr(part, '__qualname__', '')}"
    # Our own code is known by the version; a person's own changes without one.
    if name.startswith("rewardkit."):
        return name
    try:
        file = inspect.getsourcefile(inspect.unwrap(part))
        return name + Path(file or "").read_text(encoding="utf-8")
    except (OSError, TypeError):  # from a prompt, or not written in Python
        return name
