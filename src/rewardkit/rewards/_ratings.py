"""The questions of `relative_judge` about a group's texts, and the scores by the ratings given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Any, Literal

from rewardkit._messages import shorten_repr
from rewardkit._text.tag_layout import is_blank
from rewardkit.result import Score
from rewardkit.rewards._grouped import rank_value
from rewardkit.rewards._judging import FENCED, Question, make_schema, read_object
from rewardkit.verify.base import to_plain

MAX_RATING = 10
NamedRatings = Sequence[tuple[str, Mapping[str, float]]]
"""Pairs of a model and its rating of each text, 0 to 1."""
_TASK = f"""\
You compare completions that a language model wrote for one prompt, by this rubric:
{{rubric}}

Rate each with an integer from 0, the worst, to {MAX_RATING}, the best, relative to the others: \
two get the same only if neither is better. Their order is random and means nothing. \
Reply with one JSON object and nothing else, with the number of each completion and its rating: \
{{"1": ..., "2": ...}}

{FENCED}"""
_ASK = "Rate the completions by the rubric. Reply with the JSON object."


def read_rubric(value: Any, column: str | None) -> list[str]:
    """Return a row's own rubric as texts, none for None.

    Raises TypeError for a list of anything else, such as criteria with points: left out in silence,
    they would be missed by nobody.
    """
    lines = [value] if isinstance(value, str) else to_plain(value) or []
    for line in lines:
        if not isinstance(line, str):
            raise TypeError(
                f"column {column!r}: got {shorten_repr(line)} in a rubric, expected texts; write"
                " each criterion as a text in the dataset"
            )
    return [line for line in lines if line.strip()]


def make_questions(
    texts: Sequence[str], orders: int, rubric: Sequence[str], prompt: str, reference: str
) -> Iterator[Question]:
    """Yield a question about sorted texts for each order."""
    from hashlib import sha256  # noqa: PLC0415 - only for groups that are asked about
    from random import Random  # noqa: PLC0415 - the same

    task = _TASK.replace("{rubric}", "\n".join(f"- {line}" for line in rubric))
    numbers = [str(number) for number in range(1, len(texts) + 1)]
    schema = make_schema({number: {"type": "integer"} for number in numbers})
    # by the texts, so that equal groups are asked once, and a cache finds them
    random = Random(sha256("\0".join((prompt, *texts)).encode()).digest())  # noqa: S311 - no secret
    order = texts
    for number in range(orders):
        order = order[::-1] if number % 2 else random.sample(texts, len(texts))
        named = zip((f"completion {each}" for each in numbers), order, strict=True)
        yield Question(
            task, (("prompt", prompt), ("right answer", reference), *named), _ASK, schema
        )


def read_ratings(question: Question, reply: str) -> dict[str, float] | str:
    """Return the rating of each text, 0 to 1, or what is wrong with the reply."""
    ratings = read_object(reply)
    if ratings is None:
        return "the judge's reply is not a JSON object"
    shown = {name.removeprefix("completion "): text for name, text in question.texts[2:]}
    if ratings.keys() != shown.keys():
        return "the judge's reply is not one rating for each completion"
    for rating in ratings.values():
        if type(rating) not in (int, float) or not 0 <= rating <= MAX_RATING:
            return f"a rating is not a number from 0 to {MAX_RATING}"
    return {text: ratings[number] / MAX_RATING for number, text in shown.items()}


def score_group(
    texts: Sequence[str], read: NamedRatings, by: Literal["rank", "rating"], agreement: str
) -> list[Score]:
    """Return the scores of a group's texts by each reply's ratings, if any was asked for.

    `agreement` follows the ratings in the whys.
    """
    if by == "rank" and len(texts) == 1:
        return [Score(None, "alone in its group")]
    # where none is asked for, all texts that are not blank are equal
    ratings = [each for _, each in read] or [dict.fromkeys(texts, 1.0)]
    values = [[-1.0 if is_blank(text) else each[text] for text in texts] for each in ratings]
    if by == "rank":
        values = [
            [rank_value(value, ordered) for value in each]
            for each, ordered in zip(values, map(sorted, values), strict=True)
        ]
    scores = []
    for text, *each in zip(texts, *values, strict=True):
        why = "blank" if is_blank(text) else "equal to all that are not blank"
        if read and not is_blank(text):
            why = _describe_ratings(text, read) + agreement
        scores.append(Score(max(0.0, fmean(each)), why))
    return scores


def _describe_ratings(text: str, named: NamedRatings) -> str:
    """Return a text's ratings, of a panel those of each model."""
    by_model: dict[str, list[str]] = {}
    for model, ratings in named:
        by_model.setdefault(model, []).append(f"{MAX_RATING * ratings[text]:g}")
    if len(by_model) == 1:
        return f"rated {', '.join(*by_model.values())}"
    return "; ".join(f"{model} rated {', '.join(given)}" for model, given in by_model.items())


def describe_agreement(agreement: float | None, failed: int, total: int) -> str:
    """Return the agreement of a group's requests in words, to follow the ratings in a why."""
    words = "" if agreement is None else f", {agreement:.0%} of the pairs agree"
    return f"{words}, {failed} of {total} requests failed" if failed else words


def measure_agreement(named: NamedRatings) -> float | None:
    """Return the fraction of pairs of texts that two requests order alike; None for no pairs."""
    same = [
        (one[a] > one[b]) - (one[a] < one[b]) == (other[a] > other[b]) - (other[a] < other[b])
        for (_, one), (_, other) in combinations(named, 2)
        for a, b in combinations(one, 2)
    ]
    return fmean(same) if same else None
