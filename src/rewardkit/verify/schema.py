"""JSON that a schema allows: JSON Schema (Wright et al., 2022), drafts 4 to 2020-12."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self, final

from pydantic import Field, model_validator

from rewardkit.component import Frozen
from rewardkit.registry import register
from rewardkit.result import Outcome, Verdict
from rewardkit.verify.base import CORRECT, WRONG, Verifier, pairwise, to_plain

Pair = tuple[str, str]
"""An answer, and a schema as JSON text."""


@final
@register("json_schema")
class JsonSchema(Verifier):
    r"""The answer is JSON, and valid against a schema: the reference, or one for all rows.

    JSON is read strictly: NaN, a repeated key and a number beyond a float's range are refused.
    `format` is an annotation, as in the standard, and so are `contentEncoding` and
    `contentMediaType`. Nothing is fetched: a reference to another document is an error of the
    schema. jsonschema-rs decides; schemas that refer to themselves, and large ones, are decided in
    worker processes, which are killed at the deadline.

    >>> adult = JsonSchema(json_schema={"properties": {"age": {"minimum": 18}}})
    >>> [v.outcome.value for v in adult.verify(['It is {"age": 20}.', '{"age": 7}'], [None, None])]
    ['correct', 'wrong']
    >>> JsonSchema().verify(["[1]"], ['{"items": {"type": "string"}}'])[0].detail
    '$[0]: 1 is not of type "string"'
    """

    json_schema: Annotated[Mapping[str, Any], Frozen] | None = None
    """The schema of every row; references are then ignored. None if each reference is a schema, as
    a mapping or as JSON text."""
    which: Literal["first", "whole"] = "first"
    """The first JSON in the answer (all of it, else a json fence, else an object or array), of a
    `type` that the schema asks for if there is one; or the whole answer, which must be nothing
    else."""
    timeout: Annotated[float, Field(gt=0)] = 0.5
    """Seconds of processor time for one answer that a worker process decides."""

    @model_validator(mode="after")
    def _check_schema(self) -> Self:
        if self.json_schema is not None:
            from rewardkit.verify._schema import read_schema  # noqa: PLC0415 - for jsonschema-rs

            schema = read_schema(_write_json(self.json_schema))
            if isinstance(schema, str):
                message = f"json_schema: {schema}"
                raise ValueError(message)
        return self

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return a verdict for each answer; the detail of WRONG is the first fault.

        Equal pairs are decided once. Raises ImportError where jsonschema-rs is not installed.
        """
        if self.json_schema is not None:
            references = [_write_json(self.json_schema)] * len(references)
        found: dict[Pair, Verdict] = {}
        asked: dict[Pair, list[str]] = {}

        def judge(answer: str, reference: str) -> Verdict:
            pair = answer, reference
            if pair not in found:
                settled = self._judge_here(answer, reference)
                if not isinstance(settled, Verdict):
                    asked[pair], settled = settled, WRONG  # until a worker has decided
                found[pair] = settled
            return found[pair]

        schemas = [_schemas_as_text(to_plain(reference)) for reference in references]
        verdicts = pairwise(answers, schemas, judge)
        if not asked:
            return verdicts
        found |= self._judge_in_workers(asked)
        return pairwise(answers, schemas, judge)

    def _judge_here(self, answer: str, reference: str) -> Verdict | list[str]:
        """Return the verdict, or the row of a worker where deciding may take long."""
        import json  # noqa: PLC0415 - it takes its time to import

        from rewardkit._text import strict_json  # noqa: PLC0415 - it imports json
        from rewardkit.verify._schema import (  # noqa: PLC0415 - it imports jsonschema-rs
            MAX_COST_HERE,
            TOO_DEEP,
            read_schema,
        )

        schema = read_schema(reference)
        if isinstance(schema, str):
            return Verdict(Outcome.BAD_REFERENCE, schema)
        try:
            if self.which == "whole":
                value = strict_json.read(answer.strip())
            else:
                value = strict_json.find_first(answer.strip(), schema.types)
            if schema.cost * len(answer) > MAX_COST_HERE:
                value_text = json.dumps(value)  # without the prose around it
                if schema.cost * len(value_text) > MAX_COST_HERE:
                    return [reference, value_text]
            fault = schema.find_fault(value)
        except RecursionError:
            fault = TOO_DEEP
        except strict_json.RefusedError as error:
            fault = f"not JSON: {error}"
        except ValueError:
            fault = "not JSON"
        return Verdict(Outcome.WRONG, fault) if fault else CORRECT

    def _judge_in_workers(self, rows: Mapping[Pair, list[str]]) -> dict[Pair, Verdict]:
        from rewardkit._workers import pool  # noqa: PLC0415 - few batches need it

        function = "rewardkit.verify._schema:find_fault_in_worker"
        answers = pool.run(function, [*rows.values()], timeout=self.timeout)
        verdicts = {}
        for pair, answer in zip(rows, answers, strict=True):
            if not isinstance(answer, list):
                detail = f"not decided within {self.timeout:g} s"
                verdicts[pair] = Verdict(Outcome.TIMEOUT, detail)
                continue
            schema_error, fault = answer
            if schema_error:
                verdicts[pair] = Verdict(Outcome.BAD_REFERENCE, str(schema_error))
            else:
                verdicts[pair] = Verdict(Outcome.WRONG, str(fault)) if fault else CORRECT
        return verdicts


def _write_json(value: Any) -> str:
    from rewardkit._text import strict_json  # noqa: PLC0415 - it imports json

    return strict_json.write(value)


def _schemas_as_text(reference: Any) -> Any:
    """Return a reference with JSON text for each mapping in it, None where JSON cannot hold it."""
    if isinstance(reference, Mapping):
        try:
            return _write_json(reference)
        except ValueError:
            return None
    if isinstance(reference, list | tuple):
        return [*map(_schemas_as_text, reference)]
    return reference
