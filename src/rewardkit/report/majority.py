"""Whether the most frequent answer of a group is right (majority vote, or self-consistency)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from statistics import fmean

from rewardkit._scored.passes import PassRule
from rewardkit.extract import Extractor
from rewardkit.report.rows import Rows


def share_of_right_majorities(
    rows: Rows, rule: PassRule, extractors: Sequence[Extractor]
) -> float | None:
    """Return the share of groups whose most frequent answer is right; None without answers.

    Wang et al., 2023, "Self-Consistency Improves Chain of Thought Reasoning in Language Models".
    Answers are equal as text. A group without answers counts as wrong, and one with several most
    frequent answers as the share of these that is right.
    """
    values = rows.values[rule.reward]
    wins, found_any = [], False
    # a row alone is a group of one, here as in the pass rates
    for group in chain(rows.groups, zip(rows.alone)):
        votes = [
            (_find_answer(rows.texts[row], extractors), bool(rule.passed(values[row])))
            for row in group
            if values[row] is not None
        ]
        answered = [(answer, passed) for answer, passed in votes if answer is not None]
        found_any = found_any or bool(answered)
        if votes:
            wins.append(_score_majority(answered))
    return fmean(wins) if found_any else None


def _find_answer(text: str, extractors: Sequence[Extractor]) -> str | None:
    answers = (extractor.extract(text) for extractor in extractors)
    return next((answer.strip() for answer in answers if answer), None)


def _score_majority(votes: Iterable[tuple[str, bool]]) -> float:
    """Return how right the most frequent answer is.

    >>> _score_majority([("4", True), ("5", False), ("4", True)])
    1.0
    >>> _score_majority([("4", True), ("5", False)])
    0.5
    """
    by_answer: dict[str, list[bool]] = defaultdict(list)
    for answer, passed in votes:
        by_answer[answer].append(passed)
    if not by_answer:
        return 0.0
    most = max(map(len, by_answer.values()))
    # One text may be right in one completion and wrong in another, where other rules apply too.
    return fmean(fmean(passed) for passed in by_answer.values() if len(passed) == most)
