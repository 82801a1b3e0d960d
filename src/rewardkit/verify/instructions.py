"""Instructions that a program can check, such as a number of words: IFEval (Zhou et al., 2023,
"Instruction-Following Evaluation for Large Language Models") and IFBench (Pyatkin et al., 2025,
"Generalizing Verifiable Instruction Following"), as the package if-verifiable checks them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, final

from pydantic import Field

from rewardkit import _optional
from rewardkit._messages import shorten_repr
from rewardkit.registry import register
from rewardkit.result import Outcome, Verdict
from rewardkit.verify.base import Verifier, paired


@final
@register("instructions")
class Instructions(Verifier):
    """The answer follows the row's instructions, which are named by the ids of IFEval and IFBench.

    Use it with the extractor `whole`, and with `reference=["instruction_id_list", "kwargs"]`, the
    two columns of IFEval's dataset. A reference is a mapping with both keys, or JSON text of it: a
    list of ids, and a list with the arguments of each. Arguments of null count as not given.
    A thought up to `</think>` is not part of the answer.

    Checks run in worker processes. Nothing is downloaded: some checks need data of nltk, and where
    it is missing the outcome is BAD_REFERENCE, with the command that brings it.

    >>> row = {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
    >>> Instructions().verify(["I do.", "Well, yes."], [row, row])[1]
    Verdict(outcome=<Outcome.WRONG: 'wrong'>, detail='0 of 1; not punctuation:no_comma', share=0.0)
    """

    checks_form: ClassVar[bool] = True
    mode: Literal["strict", "loose"] = "strict"
    """With `loose` an instruction also counts as followed if it is without the answer's first line,
    its last line, its asterisks, or several of these, as in IFEval's second measure."""
    timeout: Annotated[float, Field(gt=0)] = 2.0
    """Seconds of processor time for one answer, after which the outcome is TIMEOUT."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return a verdict for each answer; its share is the fraction of instructions followed.

        Raises ImportError if if-verifiable is not installed.
        """
        from rewardkit.verify import _worker_rows  # noqa: PLC0415 - it imports json

        _optional.check_installed("if_verifiable", install="rewardkit[instructions]")
        rows: list[Verdict | list[Any]] = []
        for answer, reference in paired(answers, references):
            try:
                ids, arguments = _read_reference(reference)
                rows.append([answer or "", self.mode, ids, arguments])
            except ValueError as error:
                rows.append(Verdict(Outcome.BAD_REFERENCE, str(error)))
        function = "rewardkit.verify._instructions:judge_row"
        return _worker_rows.judge_in_workers(function, rows, timeout=self.timeout)


def _read_reference(reference: Any) -> tuple[list[str], list[dict[str, Any]]]:
    from rewardkit.verify._worker_rows import read_mapping, read_text  # noqa: PLC0415 - for json

    given = read_mapping(reference, "instruction_id_list", "kwargs")
    ids: Any = next((given[key] for key in _ID_KEYS if given.get(key) is not None), [])
    ids = read_text(ids) if isinstance(ids, str) else ids
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        given_ids = (
            f"instruction_id_list is {shorten_repr(ids)}" if ids else "no instruction_id_list"
        )
        message = f"{given_ids}, expected a list of ids"
        raise ValueError(message)
    arguments = given.get("kwargs") or [{}] * len(ids)
    arguments = read_text(arguments) if isinstance(arguments, str) else arguments
    parts = arguments if isinstance(arguments, list) else []
    parts = [read_text(one) if isinstance(one, str) else one for one in parts]
    if len(parts) != len(ids) or not all(isinstance(one, dict | None) for one in parts):
        message = f"kwargs: expected a list of {len(ids)} mappings, one per instruction"
        raise ValueError(message)
    return ids, [one or {} for one in parts]


_ID_KEYS = ("instruction_id_list", "instruction_ids", "instruction_id")
