"""A language model as the judge of a prompt's completions, beside each other.

Rating the completions of a group in one request follows OpenPipe's RULER (2025); showing them in
more than one order follows Zheng et al., 2023, "Judging LLM-as-a-Judge", section 3.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Annotated, Any, Literal, final

from pydantic import Field

from rewardkit._text.tag_layout import is_blank
from rewardkit.batch import Batch, Column, Reference
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds
from rewardkit.rewards._judging import (
    FENCED,
    JudgingReward,
    Question,
    Text,
    find_error,
    make_schema,
    read_object,
)
from rewardkit.rewards.groups import rank_value
from rewardkit.verify.base import texts

MAX_RATING = 10


@final
@register("relative_judge")
class RelativeJudge(JudgingReward):
    """How a judging model rates a completion beside the others of its prompt, 0 to 1.

    One request shows all completions of a group, equal ones once, in a shuffled order, and the
    judge rates each from 0 to 10. A second request shows them in the reverse order, so that what a
    position gains in one it loses in the other; a row's value is the mean. The order follows from
    the texts alone, so that a cache finds the request again. Blank completions are not shown and
    rank below the others. A group abstains if no request of it succeeds.

    >>> judge = RelativeJudge(
    ...     rubric="Prefer the shorter one.",
    ...     model="Qwen/Qwen3-32B",
    ...     base_url="http://localhost:8000/v1",
    ...     api_key_env=None,
    ... )
    >>> judge(prompts=["Hi"] * 3, completions=["Hello.", " ", ""])
    [1.0, 0.25, 0.25]
    """

    rubric: Text = "How well does it answer the prompt?"
    """What the ratings are for."""
    rubric_column: Column[str | Sequence[Any] | None] | None = None
    """A column with a rubric of the prompt's own, a text or a list of texts, added to `rubric`."""
    reference: Column[Reference] | None = None
    """The column with a right answer to show to the judge; None to show none."""
    orders: Annotated[int, Field(ge=1)] = 2
    """How many requests a group takes: each second one has the reverse order of the one before."""
    by: Literal["rank", "rating"] = "rank"
    """`rank`: the fraction of the group's other rows that are rated lower, equal ones half.
    `rating`: the rating itself, divided by 10, which also says whether all are good."""

    @property
    def pointwise(self) -> bool:
        """False: a value depends on the other rows of the group."""
        return False

    @property
    def bounds(self) -> Bounds:
        """0 to 1."""
        return 0.0, 1.0

    def score(self, batch: Batch) -> list[Score]:
        """Return each row's mean rank or rating; the why has how far the requests agree.

        If a trainer splits a group over several processes, each compares the rows that it has. The
        mean agreement goes to the logs as `agreement`: the share of pairs of completions that two
        requests put in the same order. Raises ImportError if openai is not installed, and
        ValueError if the key's variable is not set or the batch has no prompts.
        """
        shown = [(text or "").strip() for text in map(self.extractor.extract, batch.texts)]
        groups = [(rows, self._build_questions(batch, rows, shown)) for rows in batch.groups()]
        asked = [*dict.fromkeys(question for _, questions in groups for question in questions)]
        answers = self._ask_models(batch, asked, _read_ratings)
        scores: list[Score] = []
        agreements: list[float] = []
        errors: list[str | None] = []
        for rows, questions in groups:
            found = [
                named
                for each in questions
                for named in zip(self._models, answers[each], strict=True)
            ]
            read = [(model, answer) for model, answer in found if not isinstance(answer, str)]
            error = find_error([answer for _, answer in found])
            errors += [error] * len(rows)
            if error is not None:
                scores += [Score(None, error)] * len(rows)
                continue
            agreement = _measure_agreement([answer for _, answer in read])
            agreements += [] if agreement is None else [agreement]
            words = "" if agreement is None else f", {agreement:.0%} of the pairs agree"
            if len(read) < len(found):
                words += f", {len(found) - len(read)} of {len(found)} requests failed"
            scores += self._score_group([shown[row] for row in rows], read, words)
        self._log_failed(batch, errors)
        batch.log(f"{self.__name__}/agreement", agreements)
        return scores

    def _score_group(
        self, group: Sequence[str], named: Sequence[tuple[str, Mapping[str, float]]], words: str
    ) -> list[Score]:
        """Return the scores of a group's rows by each model's ratings, if any was asked for."""
        if self.by == "rank" and len(group) == 1:
            return [Score(None, "alone in its group")]
        is_asked = bool(named)
        # where none is asked for, all texts that are not blank are equal
        ratings = [each for _, each in named] or [dict.fromkeys(group, 1.0)]
        replies = [[-1.0 if is_blank(text) else each[text] for text in group] for each in ratings]
        if self.by == "rank":
            replies = [
                [rank_value(each, ordered) for each in reply]
                for reply, ordered in zip(replies, map(sorted, replies), strict=True)
            ]
        scores = []
        for text, *values in zip(group, *replies, strict=True):
            if is_blank(text) or not is_asked:
                why = "blank" if is_blank(text) else "equal to all that are not blank"
            else:
                why = _describe_ratings(text, named) + words
            scores.append(Score(max(0.0, fmean(values)), why))
        return scores

    def _build_questions(self, batch: Batch, rows: range, shown: Sequence[str]) -> list[Question]:
        """Return a question for each order, or none if there is nothing to compare."""
        from hashlib import sha256  # noqa: PLC0415 - only for groups that are asked about
        from random import Random  # noqa: PLC0415

        distinct = sorted({shown[row] for row in rows if not is_blank(shown[row])})
        if not distinct or (len(distinct) == 1 and self.by == "rank"):
            return []
        first = rows[0]
        own = [] if self.rubric_column is None else texts(batch.column(self.rubric_column)[first])
        reference = [] if self.reference is None else texts(batch.column(self.reference)[first])
        rubric = "\n".join(f"- {line}" for line in (self.rubric, *own))
        task = _COMPARING.replace("{rubric}", rubric)
        prompt = batch.prompt_text(first) if self.show_prompt else ""
        numbers = [str(number) for number in range(1, len(distinct) + 1)]
        schema = make_schema({number: {"type": "integer"} for number in numbers})
        # by the texts, so that equal groups are asked once, and a cache finds them
        random = Random(  # noqa: S311 - no secret
            sha256("\0".join((prompt, *distinct)).encode()).digest()
        )
        questions, order = [], distinct
        for number in range(self.orders):
            order = order[::-1] if number % 2 else random.sample(distinct, len(distinct))
            named = zip((f"completion {each}" for each in numbers), order, strict=True)
            shown_texts = (("prompt", prompt), ("right answer", "\n".join(reference)), *named)
            questions.append(Question(task, shown_texts, _ASK_RATINGS, schema))
        return questions


_COMPARING = f"""\
You compare completions that a language model wrote for one prompt, by this rubric:
{{rubric}}

Rate each with an integer from 0, the worst, to {MAX_RATING}, the best, relative to the others: \
two get the same only if neither is better. Their order is random and means nothing. \
Reply with one JSON object and nothing else, with the number of each completion and its rating: \
{{"1": ..., "2": ...}}

{FENCED}"""
_ASK_RATINGS = "Rate the completions by the rubric. Reply with the JSON object."


def _read_ratings(question: Question, reply: str) -> dict[str, float] | str:
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


def _describe_ratings(text: str, named: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    """Return a text's ratings, of a panel those of each model."""
    by_model: dict[str, list[str]] = {}
    for model, ratings in named:
        by_model.setdefault(model, []).append(f"{MAX_RATING * ratings[text]:g}")
    if len(by_model) == 1:
        return f"rated {', '.join(*by_model.values())}"
    return "; ".join(f"{model} rated {', '.join(given)}" for model, given in by_model.items())


def _measure_agreement(ratings: Sequence[Mapping[str, float]]) -> float | None:
    """Return the fraction of pairs of texts that two requests order alike; None for no pairs."""
    same = [
        (one[a] > one[b]) - (one[a] < one[b]) == (other[a] > other[b]) - (other[a] < other[b])
        for one, other in combinations(ratings, 2)
        for a, b in combinations(one, 2)
    ]
    return fmean(same) if same else None
