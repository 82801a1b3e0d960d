"""Preflight: what a reward gives to perfect and to degenerate completions, before a run needs it.

A reward that never pays its maximum, or always pays the same, teaches nothing, and a trainer only
shows it as an hour of flat lines. The usual reasons are a reference that no verifier can read, and
a layout that the prompt asks for and the rewards do not know.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from rewardkit.batch import Batch
from rewardkit.component import walk
from rewardkit.reward import Linear, Reward, Where

Row = Mapping[str, Any]
Wrap = Callable[[Row], str]
_BABBLE = "the same words over and over again " * 400
_CONSTANT_ROWS = 4


class Problem(NamedTuple):
    """What is wrong with one reward: `kind` says what, the rest where it was seen first."""

    reward: str
    """The reward's name."""
    kind: Literal["raises", "below_maximum", "constant"]
    """It raises; a perfect completion earns too little; every completion earns the same."""
    detail: str
    """The error, or the reward's own reason."""
    rows: int = 0
    """On how many rows."""
    row: int = 0
    """The first of them."""
    completion: str = ""
    """The completion there."""
    value: float | None = None
    """What it earned; None where the reward abstained."""
    expected: float | None = None
    """What it should have earned."""


class Preflight(NamedTuple):
    """What a preflight found."""

    problems: tuple[Problem, ...]
    """What is wrong; empty where nothing is."""
    rows: int
    """How many rows were tried."""
    unbounded: tuple[str, ...]
    """The rewards whose maximum is not known, or not to be had by one completion alone."""


def preflight(
    reward: Reward | Sequence[Reward], rows: Sequence[Row], *, wrap: str | Wrap = "{answer}"
) -> Preflight:
    r"""Score perfect and degenerate completions of a dataset's rows, and say what is wrong.

    `rows` hold the dataset's columns, and the prompt under `prompt` where a reward reads it. `wrap`
    writes a row's perfect completion: a text in which `{column}` stands for the row's cell, or a
    function of the row. It must earn the maximum of every reward (of every term of a sum; the
    minimum where its weight is negative); a reward that gives it and the degenerate ones (nothing,
    the reference alone, the prompt again, an endless repetition, ...) one and the same value is
    constant. Words stand in for tokens. Raises ValueError where there are no rows.

    >>> from rewardkit import build
    >>> right, strict = build("correct", verifier="number"), build("xml_strict")
    >>> rows = [{"answer": "4"}, {"answer": "four"}]
    >>> for problem in preflight(right + strict, rows, wrap="<answer>{answer}</answer>").problems:
    ...     print(problem.reward, problem.kind, problem.rows, problem.detail)
    correct[verifier=number] below_maximum 1 bad_reference
    xml_strict below_maximum 2 not the strict layout
    xml_strict constant 2 every completion earns 0
    """
    if not rows:
        message = "no rows to try; give some rows of the dataset, as mappings by column"
        raise ValueError(message)
    wrap = wrap if callable(wrap) else _template(wrap)
    given = [reward] if isinstance(reward, Reward) else reward
    terms = [pair for one in given for pair in _terms(one)]
    problems: list[Problem] = []
    unbounded = []
    for term, weight in terms:
        try:
            maximum = _maximum(term, weight)
            if maximum is None:
                unbounded.append(term.__name__)
            problems += [*_short(term, maximum, rows, wrap), *_constant(term, rows, wrap)]
        except Exception as error:  # noqa: BLE001 - whatever it raises would end the run
            detail = f"{type(error).__name__}: {error}"
            problems.append(Problem(term.__name__, "raises", detail, len(rows)))
    return Preflight(tuple(problems), len(rows), tuple(unbounded))


def fill(template: str, row: Row) -> str:
    """Return the template with each `{column}` replaced by the row's cell; other braces stay.

    >>> fill("<answer>{answer}</answer> {x}", {"answer": 4})
    '<answer>4</answer> {x}'
    """
    return re.sub(r"\{([^{}]+)\}", lambda found: str(row.get(found[1], found[0])), template)


def _template(text: str) -> Wrap:
    """Return the function that fills a template."""
    return lambda row: fill(text, row)


def _terms(reward: Reward) -> list[tuple[Reward, float]]:
    """Return a sum's terms with their weights, any other reward with 1."""
    return reward.weighted if isinstance(reward, Linear) else [(reward, 1.0)]


def _maximum(reward: Reward, weight: float) -> float | None:
    """Return what a perfect completion earns; None where that is not known."""
    low, high = reward.bounds
    best = high if weight >= 0 else low
    return best if reward.pointwise and math.isfinite(best) else None


def _scores(reward: Reward, rows: Sequence[Row], texts: Sequence[str]) -> list[Any]:
    """Score one text for each row; words stand in for the tokens."""
    known: dict[str, int] = {}
    ids = [[known.setdefault(word, len(known)) for word in text.split()] for text in texts]
    columns = {name: [row.get(name) for row in rows] for name in rows[0] if name != "prompt"}
    prompts = [row["prompt"] for row in rows] if "prompt" in rows[0] else None
    return reward.score(Batch(texts, prompts=prompts, completion_ids=ids, columns=columns))


def _short(reward: Reward, maximum: float | None, rows: Sequence[Row], wrap: Wrap) -> list[Problem]:
    """Return the problem that a row's perfect completion earns less than the maximum, if any."""
    texts = [wrap(row) for row in rows]
    scores = _scores(reward, rows, texts)
    if maximum is None:
        return []
    partial = any(isinstance(part, Where) for part in walk(reward))  # abstains by design
    short = [
        row
        for row, (value, _) in enumerate(scores)
        if (not partial if value is None else not math.isclose(value, maximum, abs_tol=1e-9))
    ]
    if not short:
        return []
    row = short[0]
    value, why = scores[row]
    name = reward.__name__
    return [Problem(name, "below_maximum", why, len(short), row, texts[row], value, maximum)]


def _constant(reward: Reward, rows: Sequence[Row], wrap: Wrap) -> list[Problem]:
    """Return the problem that good and bad completions earn the same, if they do."""
    some = rows[:_CONSTANT_ROWS]
    pairs = [(row, text) for row in some for text in (wrap(row), *_degenerate(row, wrap))]
    scores = _scores(reward, [row for row, _ in pairs], [text for _, text in pairs])
    values = {value for value, _ in scores}
    if len(values) > 1:
        return []
    (value,) = values
    told = "abstains" if value is None else f"earns {value:g}"
    return [Problem(reward.__name__, "constant", f"every completion {told}", len(some))]


def _degenerate(row: Row, wrap: Wrap) -> list[str]:
    """Return completions of a row that nobody wants."""
    perfect = wrap(row)
    prompt = Batch([""], prompts=[row["prompt"]]).prompt_text(0) if "prompt" in row else ""
    emptied = wrap(dict.fromkeys(row, ""))
    return ["", "\n", "?", str(row.get("answer", "")), emptied, prompt, perfect * 2, _BABBLE]
