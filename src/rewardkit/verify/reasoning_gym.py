"""Tasks of Reasoning Gym, judged by each dataset's own scorer (Stojanovski et al., 2025, "Reasoning
Gym: Reasoning Environments for Reinforcement Learning with Verifiable Rewards").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, final

from pydantic import Field

from rewardkit import _optional
from rewardkit.registry import register
from rewardkit.result import Outcome, Verdict
from rewardkit.verify.base import Verifier, paired


@final
@register("reasoning_gym")
class ReasoningGym(Verifier):
    """The answer's score by a dataset of Reasoning Gym, which is the verdict's share.

    A reference is an entry of the dataset: a mapping with `answer` and `metadata`, or JSON text of
    it; `reference=["answer", "metadata"]` reads them from two columns. The dataset's name is in the
    metadata, under `source_dataset`, or in the field `dataset`; then a reference may also be the
    right answer alone, if the scorer needs nothing else.

    Scorers run in worker processes, which are killed at the deadline. Where one would evaluate an
    answer as Python, it reads literals and arithmetic in place of that, and SymPy reads expressions
    of known functions alone.

    >>> gym = ReasoningGym(dataset="gcd")
    >>> [verdict.outcome.value for verdict in gym.verify(["12", "6"], ["12", 12])]
    ['correct', 'wrong']
    """

    dataset: str | None = None
    """The name of the dataset; None for the one in each entry's metadata."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The score, 0 to 1, from which the answer is right."""
    timeout: Annotated[float, Field(gt=0)] = 3.0
    """Seconds of processor time for one answer, after which the outcome is TIMEOUT. A worker's
    first answer of some datasets takes one or two, since they read files."""

    def verify(self, answers: Sequence[str | None], references: Sequence[Any]) -> list[Verdict]:
        """Return CORRECT, WRONG, NO_ANSWER, BAD_REFERENCE or TIMEOUT for each answer.

        Raises ImportError if reasoning-gym is not installed.
        """
        from rewardkit.verify._worker_rows import judge_in_workers  # noqa: PLC0415 - for json

        _optional.check_installed("reasoning_gym", install="rewardkit[gym]")
        rows: list[Verdict | list[Any]] = []
        for answer, reference in paired(answers, references):
            try:
                name, entry = self._read_entry(reference)
                rows.append([answer or "", name, self.threshold, entry])
            except ValueError as error:
                rows.append(Verdict(Outcome.BAD_REFERENCE, str(error)))
        function = "rewardkit.verify._reasoning_gym:judge_row"
        return judge_in_workers(function, rows, timeout=self.timeout)

    def _read_entry(self, reference: Any) -> tuple[str, str]:
        """Return the dataset's name, and the entry in a form that a worker reads."""
        import base64  # noqa: PLC0415 - these two are not needed before
        import pickle  # noqa: PLC0415

        from rewardkit.verify._worker_rows import read_mapping, read_text  # noqa: PLC0415 - for json

        plain = self.dataset is not None and isinstance(reference, str | int | float)
        try:
            given = read_mapping(reference, "answer", "metadata")
        except ValueError:
            if not plain or not str(reference).strip():
                raise
            given = {"answer": reference}
        if isinstance(given.get("metadata"), str):
            given["metadata"] = read_text(given["metadata"])
        metadata = given.get("metadata") or {}
        if not isinstance(metadata, dict):
            message = "metadata: expected a mapping, or JSON text of one"
            raise ValueError(message)  # noqa: TRY004 - data, not misuse
        name = self.dataset or metadata.get("source_dataset")
        if not isinstance(name, str) or not name:
            message = "no dataset, and no source_dataset in the metadata"
            raise ValueError(message)
        if "answer" not in given:
            message = "no answer"
            raise ValueError(message)
        if isinstance(right := given["answer"], int | float):
            # columns with missing values hold integers as floats
            given["answer"] = str(int(right) if right == right // 1 else right)
        try:
            # JSON would make texts of numbers that are keys, and lists of tuples
            entry = pickle.dumps({"question": "", **given, "metadata": metadata})
        except Exception as error:  # noqa: BLE001 - objects refuse in many ways
            message = f"it cannot be pickled: {error}"
            raise ValueError(message) from None
        return name, base64.b64encode(entry).decode("ascii")
