"""A language model as the judge of a prompt's completions, beside each other.

Rating the completions of a group in one request follows OpenPipe's RULER (2025); showing them in
more than one order follows Zheng et al., 2023, "Judging LLM-as-a-Judge", section 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, final

from pydantic import Field

from rewardkit._text.tag_layout import is_blank
from rewardkit.batch import Batch, Column, Reference
from rewardkit.registry import register
from rewardkit.result import Score
from rewardkit.reward import Bounds
from rewardkit.rewards._judging import JudgingReward, Question, Text, find_error
from rewardkit.rewards._ratings import (
    describe_agreement,
    make_questions,
    measure_agreement,
    read_ratings,
    read_rubric,
    score_group,
)
from rewardkit.verify.base import texts


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
        answers = self._ask_models(batch, asked, read_ratings)
        scores: list[Score] = []
        agreements: list[float] = []
        errors: list[str | None] = []
        for rows, questions in groups:
            found = [
                named
                for each in questions
                for named in zip(self._models, answers[each], strict=True)
            ]
            error = find_error([answer for _, answer in found])
            errors += [error] * len(rows)
            if error is not None:
                scores += [Score(None, error)] * len(rows)
                continue
            read = [(model, answer) for model, answer in found if not isinstance(answer, str)]
            agreement = measure_agreement(read)
            agreements += [] if agreement is None else [agreement]
            why = describe_agreement(agreement, len(found) - len(read), len(found))
            scores += score_group([shown[row] for row in rows], read, self.by, why)
        self._log_failed(batch, errors)
        batch.log(f"{self.__name__}/agreement", agreements)
        return scores

    def _build_questions(self, batch: Batch, rows: range, shown: Sequence[str]) -> list[Question]:
        """Return a question for each order, or none if there is nothing to compare."""
        distinct = sorted({shown[row] for row in rows if not is_blank(shown[row])})
        if not distinct or (len(distinct) == 1 and self.by == "rank"):
            return []
        own, right = (
            None if column is None else batch.column(column)[rows[0]]
            for column in (self.rubric_column, self.reference)
        )
        prompt = batch.prompt_text(rows[0]) if self.show_prompt else ""
        rubric = (self.rubric, *read_rubric(own, self.rubric_column))
        return [*make_questions(distinct, self.orders, rubric, prompt, "\n".join(texts(right)))]
