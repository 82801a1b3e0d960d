"""Tool calls that the tools take: of a tool's name, with arguments that its JSON Schema allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, final

from pydantic import Field

from rewardkit._messages import shorten_text
from rewardkit.component import Frozen
from rewardkit.registry import register
from rewardkit.result import Outcome, Verdict
from rewardkit.verify.base import CORRECT, NO_ANSWER, Verifier, paired
from rewardkit.verify.schema import JsonSchema

if TYPE_CHECKING:
    from rewardkit._text.tool_calls import Call

MAX_DETAIL_CHARACTERS = 200
Tools = Annotated[tuple[Annotated[Mapping[str, Any], Frozen], ...], Field(min_length=1)]


@final
@register("valid_call")
class ValidCall(Verifier):
    """The answer's tool calls are of the row's tools, with arguments that their schemas allow.

    Use it with the extractor `tool_call` and `reference="tools"`. A reference is a list of tools,
    as chat templates take them: `{"type": "function", "function": {"name": ..., "parameters":
    schema}}`, or the inner mapping; or JSON text of it. jsonschema-rs decides, as in `json_schema`.

    >>> add = {"name": "add", "parameters": {"properties": {"a": {"type": "integer"}}}}
    >>> answer = '{"name": "add", "arguments": {"a": "one"}}'
    >>> ValidCall(tools=[add]).verify([answer], [None])[0].detail
    'add: $.a: "one" is not of type "integer"'
    """

    checks_form: ClassVar[bool] = True
    tools: Tools | None = None
    """The tools of every row; references are then ignored. None if each reference has its own."""
    more_arguments: bool = False
    """Whether calls may have arguments that a schema does not name and does not speak of."""
    timeout: Annotated[float, Field(gt=0)] = 0.5
    """Seconds of processor time for one call that a worker process decides."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return a verdict for each answer; its share is the fraction of calls that are valid.

        Raises ImportError where jsonschema-rs is not installed.
        """
        tools = [self.tools] * len(references) if self.tools is not None else references
        rows = [
            _prepare_row(*row, closed=not self.more_arguments) for row in paired(answers, tools)
        ]
        # all calls of all rows at once, so that slow ones share the worker processes
        pairs = [pair for row in rows if isinstance(row, list) for pair in row if pair.schema]
        judged = dict(zip(map(id, pairs), self._validate_arguments(pairs), strict=True))
        return [
            row
            if isinstance(row, Verdict)
            else _combine_verdicts(
                [judged.get(id(pair)) or Verdict(Outcome.WRONG, pair.fault) for pair in row]
            )
            for row in rows
        ]

    def _validate_arguments(self, pairs: Sequence[_Pair]) -> list[Verdict]:
        validator = JsonSchema(which="whole", timeout=self.timeout)
        verdicts = validator.verify([one.arguments for one in pairs], [one.schema for one in pairs])
        return [
            verdict._replace(detail=f"{pair.name}: {verdict.detail}") if verdict.detail else verdict
            for pair, verdict in zip(pairs, verdicts, strict=True)
        ]


class _Pair(NamedTuple):
    """A call's arguments, and the schema for them, as JSON text; or what is wrong without one."""

    name: str
    arguments: str = ""
    schema: str = ""
    fault: str = ""


def _prepare_row(answer: str | None, reference: Any, *, closed: bool) -> Verdict | list[_Pair]:
    from rewardkit._text.tool_calls import read_text_calls  # noqa: PLC0415 - it imports json
    from rewardkit.verify._tools import read_tools  # noqa: PLC0415 - it imports jsonschema-rs

    try:
        schemas = read_tools(reference, closed=closed)
    except (ValueError, RecursionError) as error:
        return Verdict(Outcome.BAD_REFERENCE, shorten_text(str(error), MAX_DETAIL_CHARACTERS))
    calls = read_text_calls(answer or "")
    return [_prepare_call(call, schemas) for call in calls] or NO_ANSWER


def _prepare_call(call: Call, schemas: Mapping[str, str]) -> _Pair:
    from rewardkit._text import strict_json  # noqa: PLC0415 - it imports json

    if call.error:
        return _Pair(call.name, fault=f"call of {call.name or '?'}: {call.error}")
    if call.name not in schemas:
        return _Pair(call.name, fault=f"no tool is called {call.name!r}")
    return _Pair(call.name, strict_json.write(call.arguments), schemas[call.name])


def _combine_verdicts(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict on all calls of an answer: the first that is not CORRECT decides."""
    right = sum(verdict.outcome is Outcome.CORRECT for verdict in verdicts)
    if right == len(verdicts):
        return CORRECT
    first = next(verdict for verdict in verdicts if verdict.outcome is not Outcome.CORRECT)
    return first._replace(share=right / len(verdicts))
