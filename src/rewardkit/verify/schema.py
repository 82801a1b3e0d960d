"""JSON that a schema allows: JSON Schema (Wright et al., 2022), drafts 4 to 2020-12."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, final

from pydantic import Field, model_validator

from rewardkit.component import Frozen
from rewardkit.registry import register
from rewardkit.result import Outcome, Verdict
from rewardkit.verify.base import CORRECT, Verifier, pairwise

if TYPE_CHECKING:
    from rewardkit.verify._schema import Schema


@final
@register("json_schema")
class JsonSchema(Verifier):
    r"""The answer is JSON, and valid against a schema: the reference, or one for all rows.

    JSON is read strictly: no NaN, no key twice, no number beyond a float's range. `format` is an
    annotation, as the standard has it. Nothing is fetched from elsewhere.

    >>> adult = JsonSchema(json_schema={"properties": {"age": {"minimum": 18}}})
    >>> [v.outcome.value for v in adult.verify(['It is {"age": 20}.', '{"age": 7}'], [None, None])]
    ['correct', 'wrong']
    >>> JsonSchema().verify(["[1]"], ['{"items": {"type": "string"}}'])[0].detail
    "$[0]: 1 is not of type 'string'"
    """

    json_schema: Annotated[Mapping[str, Any], Frozen] | None = None
    """The schema of every row; references are then not looked at. None where each reference is a
    schema, as a mapping or as JSON text."""
    which: Literal["first", "whole"] = "first"
    """The first JSON in the answer (all of it, else a json fence, else an object or array), or the
    whole answer, which must be nothing else."""
    timeout: Annotated[float, Field(gt=0)] = 0.5
    """Seconds for one answer."""

    @model_validator(mode="after")
    def _is_schema(self) -> Self:
        if self.json_schema is not None:
            schema = _compiled(_written(self.json_schema))
            if isinstance(schema, str):
                message = f"json_schema: {schema}"
                raise ValueError(message)
        return self

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return a verdict for each answer; the detail of WRONG is the first fault.

        Raises ImportError where jsonschema is not installed.
        """
        if self.json_schema is not None:
            references = [_written(self.json_schema)] * len(references)
        return pairwise(answers, [*map(_text, references)], self._judge)

    def _judge(self, answer: str, reference: str) -> Verdict:
        from rewardkit._text import strict_json  # noqa: PLC0415 - json takes its time to import

        schema = _compiled(reference)
        if isinstance(schema, str):
            return Verdict(Outcome.BAD_REFERENCE, schema)
        read = strict_json.first if self.which == "first" else strict_json.read
        try:
            fault = schema.fault(read(answer.strip()), self.timeout)
        except TimeoutError:
            return Verdict(Outcome.TIMEOUT, f"not decided within {self.timeout:g} s")
        except RecursionError:
            return _TOO_DEEP
        except ValueError as error:
            refused = isinstance(error, strict_json.RefusedError)
            return Verdict(Outcome.WRONG, f"not JSON: {error}" if refused else "not JSON")
        return Verdict(Outcome.WRONG, fault) if fault else CORRECT


_TOO_DEEP = Verdict(Outcome.WRONG, "too large: nested too deep")


def _compiled(text: str) -> Schema | str:
    """Return the schema that JSON text holds, or the reason why it is none."""
    from rewardkit.verify import _schema  # noqa: PLC0415 - json takes its time to import

    return _schema.compiled(text)


def _written(value: Any) -> str:
    """Return a value as JSON text. Raises ValueError for one that JSON cannot hold."""
    from rewardkit._text import strict_json  # noqa: PLC0415 - json takes its time to import

    return strict_json.write(value)


def _text(reference: Any) -> Any:
    """Return a reference's cell with JSON text for each mapping in it, None where that fails."""
    if isinstance(reference, Mapping):
        try:
            return _written(reference)
        except ValueError:
            return None
    return [*map(_text, reference)] if isinstance(reference, list | tuple) else reference
