"""A language model as the judge, with a rubric.

Asking a strong model follows Zheng et al., 2023, "Judging LLM-as-a-Judge"; a rubric of fixed
choices follows Kim et al., 2024, "Prometheus"; a panel of models follows Verga et al., 2024,
"Replacing Judges with Juries".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Annotated, Any, final

from pydantic import BaseModel, ConfigDict, Field

from rewardkit._text.tag_layout import is_blank
from rewardkit.batch import Batch, Column, Reference
from rewardkit.component import Frozen
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
from rewardkit.verify.base import texts


class Criterion(BaseModel):
    """A question to the judge, and the choices."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True
    )

    ask: Text
    """The question."""
    choices: Annotated[Mapping[Text, float], Field(min_length=2), Frozen]
    """Each choice and its value, in the order in which the judge reads them."""


@final
@register("judge")
class Judge(JudgingReward):
    """The sum of the values of a judging model's choices, one choice per criterion.

    Rows are sent concurrently, equal rows once, to any OpenAI-compatible endpoint. A row abstains
    if its request fails, if the reply is not one choice per criterion, or if the deadline passes;
    the share of such rows goes to the logs as `failed`. A blank completion gets the lowest value
    without a request.

    >>> judge = Judge(
    ...     criteria={"polite": {"ask": "Is it polite?", "choices": {"no": -1.0, "yes": 1.0}}},
    ...     model="Qwen/Qwen3-32B",
    ...     base_url="http://localhost:8000/v1",
    ...     api_key_env=None,
    ... )
    >>> judge.bounds
    (-1.0, 1.0)
    >>> judge(prompts=["Say hello."], completions=[" "])
    [-1.0]
    """

    criteria: Annotated[Mapping[Text, Criterion], Field(min_length=1), Frozen]
    """The rubric: by name, a question (`ask`) and its `choices`, each with a value."""
    reference: Column[Reference] | None = None
    """The column with a right answer to show to the judge; None to show none."""

    @property
    def bounds(self) -> Bounds:
        """The sums of the criteria's lowest and highest values."""
        values = [criterion.choices.values() for criterion in self.criteria.values()]
        return sum(map(min, values)), sum(map(max, values))

    @property
    def reads_prompt(self) -> bool:
        """Whether the judge sees the prompt."""
        return self.show_prompt

    def score(self, batch: Batch) -> list[Score]:
        """Return the sum of the chosen values for each completion; the why names the choices.

        Raises ImportError if openai is not installed, and ValueError if the key's variable is not
        set or the batch has no prompts to show.
        """
        questions = self._build_questions(batch)
        # equal rows are asked once: a group often has the same completion several times
        asked = [*dict.fromkeys(question for question in questions if question)]
        answers = self._ask_models(batch, asked, self._read_choices)
        found = [answers[question] if question else None for question in questions]
        self._log_failed(batch, [find_error(row or ()) for row in found])
        for name, criterion in self.criteria.items():
            chosen = [
                criterion.choices[choices[name]]
                for row in found
                for choices in row or ()
                if not isinstance(choices, str)
            ]
            batch.log(f"{self.__name__}/{name}", chosen)
        return [*map(self._score_row, found)]

    def _score_row(self, answers: Sequence[dict[str, str] | str] | None) -> Score:
        """Return the score of a row by its models' answers; None for a blank completion."""
        if answers is None:
            return Score(self.bounds[0], "blank")
        read = [answer for answer in answers if not isinstance(answer, str)]
        if (error := find_error(answers)) is not None:
            return Score(None, error)
        value = fmean(
            sum(each.choices[choices[name]] for name, each in self.criteria.items())
            for choices in read
        )
        whys = (
            f"{name}: {_describe_votes([choices[name] for choices in read])}"
            for name in self.criteria
        )
        return Score(value, ", ".join(whys) + _count_failed(answers))

    def _build_questions(self, batch: Batch) -> list[Question | None]:
        """Return each row's question, None for a blank completion."""
        references = [None] * len(batch) if self.reference is None else batch.column(self.reference)
        rubric = "\n".join(
            f"- {_quote(name)}: {criterion.ask}"
            f" Choose one of {', '.join(map(_quote, criterion.choices))}."
            for name, criterion in self.criteria.items()
        )
        form = ", ".join(f"{_quote(name)}: ..." for name in self.criteria)
        # the rubric last: it may hold the other names in braces
        task = _TASK.replace("{form}", f"{{{form}}}").replace("{rubric}", rubric)
        schema = make_schema(
            {
                name: {"type": "string", "enum": list(criterion.choices)}
                for name, criterion in self.criteria.items()
            }
        )
        questions: list[Question | None] = []
        for row, text in enumerate(map(self.extractor.extract, batch.texts)):
            prompt = batch.prompt_text(row) if self.show_prompt else ""
            shown = (
                ("prompt", prompt),
                ("right answer", "\n".join(texts(references[row]))),
                ("completion", text or ""),
            )
            questions.append(None if is_blank(text or "") else Question(task, shown, _ASK, schema))
        return questions

    def _read_choices(self, _: Question, reply: str) -> dict[str, str] | str:
        """Return the choices in a reply, or what is wrong."""
        choices = read_object(reply)
        if choices is None:
            return "the judge's reply is not a JSON object"
        if choices.keys() != self.criteria.keys():
            return "the judge's reply is not one choice for each criterion"
        for name, choice in choices.items():
            if not isinstance(choice, str) or choice not in self.criteria[name].choices:
                return f"the judge's choice for {name} is not among its choices"
        return choices


_TASK = f"""\
You judge a completion that a language model wrote, by these criteria:
{{rubric}}

Reply with one JSON object and nothing else, with one choice for each criterion: {{form}}

{FENCED}"""
_ASK = "Judge the completion by the criteria. Reply with the JSON object."


def _count_failed(answers: Sequence[Any]) -> str:
    failed = sum(isinstance(answer, str) for answer in answers)
    return f", {failed} of {len(answers)} models failed" if failed else ""


def _describe_votes(choices: Sequence[str]) -> str:
    """Return the choice, or a panel's choices with their votes."""
    votes = Counter(choices).most_common()
    if len(choices) == 1:
        return choices[0]
    return " ".join(f"{choice} ({count} of {len(choices)})" for choice, count in votes)


def _quote(text: str) -> str:
    import json  # noqa: PLC0415 - slow to import

    return json.dumps(text, ensure_ascii=False)
