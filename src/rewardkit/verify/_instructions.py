"""The checks of IFEval and IFBench by if-verifiable, in a worker that is killed at its deadline."""

from __future__ import annotations

import importlib.util
import logging
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import langdetect
import nltk

from rewardkit._messages import did_you_mean, error_line
from rewardkit.result import Outcome
from rewardkit.verify._worker_rows import WorkerVerdict

# if-verifiable downloads nltk's data when it is imported; nobody who scores has asked for that. And
# its `__init__` imports the package datasets, which takes seconds: its modules do without.
nltk.download = lambda *_, **__: False
if spec := importlib.util.find_spec("if_verifiable"):
    sys.modules["if_verifiable"] = importlib.util.module_from_spec(spec)

from if_verifiable.common import get_loose_transformations, strip_thinking  # noqa: E402 - as above
from if_verifiable.ifbench.instructions_registry import INSTRUCTION_DICT as IFBENCH  # noqa: E402
from if_verifiable.ifeval.instructions_registry import INSTRUCTION_DICT as IFEVAL  # noqa: E402

CHECKERS = {**IFEVAL, **IFBENCH}

langdetect.DetectorFactory.seed = 0  # else short texts get another language in every call
langdetect.detect("The profiles of all languages are read at the first call.")
logging.disable()  # checkers log texts whose language is not found


class BadInstruction(ValueError):  # noqa: N818 - an outcome, not a fault of the program
    """An instruction that nothing can check, with the reason."""


def judge_row(row: Sequence[Any]) -> WorkerVerdict:
    """Return the verdict on an answer, a mode, ids of instructions and the arguments of each."""
    answer, mode, ids, arguments = row
    try:
        checkers = [*map(_make_checker, ids, arguments)]
        answer = strip_thinking(answer)
        if not answer.strip():
            return Outcome.NO_ANSWER.value, "", None
        texts = get_loose_transformations(answer) if mode == "loose" else [answer]
        texts = [text for text in texts if text.strip()]
        followed = [any(_is_followed(checker, text) for text in texts) for checker in checkers]
    except BadInstruction as error:
        return Outcome.BAD_REFERENCE.value, str(error), None
    if all(followed):
        return Outcome.CORRECT.value, "", 1.0
    missed = [name for name, right in zip(ids, followed, strict=True) if not right]
    detail = f"{sum(followed)} of {len(ids)}; not {', '.join(missed)}"
    return Outcome.WRONG.value, detail, sum(followed) / len(ids)


def _make_checker(name: str, arguments: Mapping[str, Any]) -> Any:
    if name not in CHECKERS:
        # an id without its group, too short to be near
        known = next((one for one in CHECKERS if one.partition(":")[2] == name), name)
        message = f"no instruction {name!r}{did_you_mean(known, CHECKERS)}"
        raise BadInstruction(message)
    given = {key: _restore_integer(value) for key, value in arguments.items() if value is not None}
    checker = CHECKERS[name](name)
    # without an argument that it needs, a checker draws one at random
    missing = [key for key in checker.get_instruction_args_keys() if key not in given]
    if missing:
        message = f"{name}: no argument {', '.join(missing)}"
        raise BadInstruction(message)
    try:
        checker.build_description(**given)
    except LookupError as error:
        raise _explain_lookup(name, error) from None
    except Exception as error:  # noqa: BLE001 - each checker refuses values in its own way
        message = f"{name}: {error_line(error)}"
        raise BadInstruction(message) from None
    _undo_draws(checker, given)
    return checker


def _undo_draws(checker: Any, given: Mapping[str, Any]) -> None:
    """Set the arguments in place of which a checker has drawn others."""
    # It takes some values, such as 0 or a letter that is not one of a to z, for none at all.
    for key, value in (checker.get_instruction_args() or {}).items():
        wanted = given.get(key)
        if not isinstance(wanted, str | int | float) or _fold_case(value) == _fold_case(wanted):
            continue
        is_negative = isinstance(wanted, int | float) and wanted < 0
        if is_negative or not hasattr(checker, f"_{key}"):
            message = f"{checker.id}: it does not take {key}={wanted!r}"
            raise BadInstruction(message)
        setattr(checker, f"_{key}", _fold_case(wanted))


def _fold_case(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _is_followed(checker: Any, text: str) -> bool:
    try:
        return bool(checker.check_following(text))
    except LookupError as error:
        if "nltk" in str(error).lower():
            raise _explain_lookup(checker.id, error) from None
        return _fails_on(checker, error)
    except Exception as error:  # noqa: BLE001 - some checkers raise on texts without words
        return _fails_on(checker, error)


def _fails_on(checker: Any, error: Exception) -> bool:
    """Return False for a check that fails on one answer; raise if it fails on a plain one too."""
    try:
        checker.check_following(_PLAIN_ANSWER)
    except Exception:  # noqa: BLE001 - the same
        message = f"{checker.id}: {error_line(error)}"
        raise BadInstruction(message) from None
    return False


def _explain_lookup(name: str, error: LookupError) -> BadInstruction:
    found = _MISSING_DATA.search(str(error))
    if not found:
        return BadInstruction(f"{name}: {error_line(error)}")
    command = f"python -m nltk.downloader {found[1]}"
    return BadInstruction(f"{name} needs data of nltk: run {command}")


def _restore_integer(value: Any) -> Any:
    # columns with missing values hold integers as floats, which lengths and indices cannot be
    return int(value) if isinstance(value, float) and value.is_integer() else value


_PLAIN_ANSWER = "This is a plain answer.\n\nIt has two paragraphs, and a few words in each of them."
_MISSING_DATA = re.compile(r"Resource \W*(?:\[\d+m)?([\w.-]+)")
