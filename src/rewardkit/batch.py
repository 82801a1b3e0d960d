"""What a trainer hands over, by column.

`Batch` knows every shape in which TRL, Unsloth and vLLM pass a completion, so that a reward only
ever sees `batch.texts`. `Column` names the dataset column that a reward reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from itertools import chain, count, groupby
from math import isnan
from numbers import Real
from typing import TYPE_CHECKING, Any, Generic, Self, TypeAlias, TypeVar, cast, get_args

from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

Value = TypeVar("Value")

Reference = str | Real | Sequence | Mapping | None  # type: ignore[type-arg]  # isinstance takes no Sequence[...]
"""A reference's cell: a string, a number, a mapping for those that read one, or a list of which any
is right; None is no reference."""


class MissingColumnError(LookupError):
    """A reward reads a column that the batch does not have, or not in the batch's length."""


class ColumnName(str, Generic[Value]):  # noqa: SLOT000 - a str takes no slots but empty ones
    """The name of a dataset column, with the type that its values must have.

    Fields are declared as `Column[type]` and take a plain string, so a dataset with other names
    needs no copy: `Correct(verifier=Number(), reference="solution")`.

    >>> ColumnName("solution", value_type=str) == "solution"
    True
    """

    value_type: Any

    def __new__(cls, name: str, value_type: Any = object) -> Self:
        """Name a column whose values are instances of `value_type`, a type or a union of types."""
        column = super().__new__(cls, name)
        column.value_type = value_type
        return column

    def __reduce__(self) -> tuple[type[Self], tuple[str, Any]]:
        """Pickle the name together with the values' type."""
        return type(self), (str(self), self.value_type)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, _: GetCoreSchemaHandler) -> CoreSchema:
        """Take a non-empty string where a component declares a column."""
        value_type = (*get_args(source), object)[0]
        return core_schema.no_info_after_validator_function(
            lambda name: cls(name, value_type), core_schema.str_schema(min_length=1)
        )


if TYPE_CHECKING:
    # A field takes any string and holds a ColumnName; no type checker can be told so otherwise.
    Column: TypeAlias = str | ColumnName[Value]
else:
    Column = ColumnName


class Batch:
    """One batch of completions with whatever came beside them, by column; nothing is copied.

    `prompts`, `completions` and `completion_ids` are as the trainer gave them, None where it gave
    none; `columns` holds every other dataset column; `step` is the trainer's global step, if known.
    All of them have the batch's length.

    >>> batch = Batch.of("<answer>4</answer>", answer="4")
    >>> batch.texts, batch.column("answer")
    (['<answer>4</answer>'], ['4'])
    """

    def __init__(
        self,
        completions: Sequence[Any],
        *,
        prompts: Sequence[Any] | None = None,
        completion_ids: Sequence[Sequence[int]] | None = None,
        columns: Mapping[str, Any] | None = None,
        step: int | None = None,
    ) -> None:
        """Hold what the trainer gave.

        Raises ValueError where prompts or ids have another length, TypeError for a bare string.
        """
        if isinstance(completions, str):
            message = f"got the string {completions[:40]!r} as completions, expected a list of them"
            raise TypeError(message)
        self.completions = completions
        self.prompts = prompts
        self.completion_ids = completion_ids
        self.columns = {} if columns is None else columns
        self.step = step
        self.metrics: dict[str, float] = {}
        for name, given in (("prompts", prompts), ("completion_ids", completion_ids)):
            if given is not None and len(given) != len(completions):
                message = f"{len(given)} {name} for {len(completions)} completions; give one each"
                raise ValueError(message)

    @classmethod
    def of(
        cls,
        *completions: Any,
        prompts: Sequence[Any] | None = None,
        completion_ids: Sequence[Sequence[int]] | None = None,
        step: int | None = None,
        **columns: Any,
    ) -> Self:
        """Make a batch by hand: a column is a cell for one completion, a list of cells for several.

        >>> Batch.of("a", "b", answer=["1", "2"]).column("answer")
        ['1', '2']
        """
        if len(completions) == 1:
            columns = {name: [cell] for name, cell in columns.items()}
        return cls(
            completions, prompts=prompts, completion_ids=completion_ids, columns=columns, step=step
        )

    def __len__(self) -> int:
        """Return the number of completions."""
        return len(self.completions)

    @cached_property
    def texts(self) -> list[str]:
        """The completions as text, made once.

        A string stands for itself. Of messages, the last one by the assistant counts: its text
        parts joined, with a `reasoning_content` before it between think tags. What has no text is
        "". Lone surrogates become U+FFFD, so that every text can be encoded.
        """
        return _single(self.completions) or [*map(_text, self.completions)]

    def column(self, name: str) -> Sequence[Any]:
        """Return the cells of a column, one for each completion.

        Raises MissingColumnError where there is no such column or it has another length, and
        TypeError where a cell is not of the type that the `Column` declares.
        """
        if name not in self.columns:
            near = get_close_matches(name, self.columns, n=3)
            hint = f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""
            message = (
                f"no column {name!r} in the batch; it has {sorted(self.columns) or 'none'}{hint};"
                " rename the dataset's column, or name another in the reward's field"
            )
            raise MissingColumnError(message)
        cells = self.columns[name]
        if not _is_column(cells) or len(cells) != len(self):
            given = f"{len(cells)} cells" if _is_column(cells) else f"a {type(cells).__name__}"
            message = (
                f"column {name!r} has {given}, expected a list of {len(self)}, one a completion"
            )
            raise MissingColumnError(message)
        wanted = getattr(name, "value_type", object)
        if any(not issubclass(one, wanted) for one in {*map(type, cells)}):
            row, cell = next(
                (row, cell) for row, cell in enumerate(cells) if not isinstance(cell, wanted)
            )
            message = (
                f"column {name!r}, row {row}: got {cell!r} ({type(cell).__name__}),"
                f" expected {_cell_type(wanted)}; convert the column in the dataset"
            )
            raise TypeError(message)
        return cast("Sequence[Any]", cells)

    def tokens(self) -> Sequence[Sequence[int]]:
        """Return the token ids of each completion, as lists.

        Raises ValueError where the batch has none, TypeError for a row without.
        """
        if self.completion_ids is None:
            message = (
                "counting tokens needs completion_ids=[[...], ...], a list of ids a completion"
            )
            raise ValueError(message)
        if {*map(type, self.completion_ids)} <= {list, tuple}:
            return self.completion_ids
        for row, ids in enumerate(self.completion_ids):
            if not hasattr(ids, "__len__"):
                message = f"completion_ids, row {row}: got {ids!r}, expected a list of token ids"
                raise TypeError(message)
        return [ids.tolist() if hasattr(ids, "tolist") else ids for ids in self.completion_ids]

    def prompt_text(self, row: int) -> str:
        """Return a row's prompt as text: a string, or the contents of all messages, a line each.

        Raises ValueError where the batch has no prompts.
        """
        if self.prompts is None:
            raise ValueError(_NO_PROMPTS)
        prompt = self.prompts[row]
        if isinstance(prompt, str):
            return _encodable(prompt)
        messages = [prompt] if isinstance(prompt, Mapping) else prompt
        if not isinstance(messages, Sequence):
            return ""
        texts = [
            _content(message.get("content")) for message in messages if isinstance(message, Mapping)
        ]
        return _encodable("\n".join(texts))

    def groups(self) -> list[range]:
        """Return the rows of each prompt's group: runs of equal adjacent prompts.

        A group that a trainer split over processes is not seen whole here. Raises ValueError where
        the batch has no prompts.
        """
        if self.prompts is None:
            raise ValueError(_NO_PROMPTS)
        groups, start = [], 0
        for _, run in groupby(self.prompts):
            stop = start + sum(1 for _ in run)
            groups.append(range(start, stop))
            start = stop
        return groups

    def select(self, rows: Iterable[int]) -> Batch:
        """Return a batch of some rows, in the order given, that shares this one's metrics."""
        rows = list(rows)

        def take(cells: Any) -> Any:
            whole = _is_column(cells) and len(cells) == len(self)
            return [cells[row] for row in rows] if whole else cells

        part = Batch(
            take(self.completions),
            prompts=take(self.prompts),
            completion_ids=take(self.completion_ids),
            columns={name: take(cells) for name, cells in self.columns.items()},
            step=self.step,
        )
        part.metrics = self.metrics
        return part

    def log(self, name: str, values: Iterable[float | None]) -> None:
        """Keep the mean of `values`, without None and NaN, as a metric for the trainer's logs.

        A name that is taken gets a number, so that nothing is overwritten.
        """
        known = [value for value in values if value is not None and not isnan(value)]
        if not known:
            return
        taken = (f"{name}-{number}" for number in count(2))
        key = next(key for key in chain([name], taken) if key not in self.metrics)
        self.metrics[key] = sum(known) / len(known)


_NO_PROMPTS = "the batch has no prompts, which this reward needs; pass prompts=[...]"


def _cell_type(wanted: Any) -> str:
    """Return a cell's type as people say it."""
    return "a string, a number, a mapping or a list of them" if wanted is Reference else str(wanted)


def _is_column(cells: Any) -> bool:
    """Return whether a keyword holds a cell for each row, and not one value for them all."""
    return isinstance(cells, Collection) and not isinstance(cells, str | bytes | Mapping)


def _single(completions: Sequence[Any]) -> list[str] | None:
    """Return the texts where each completion is one plain message, as in most batches, else None.

    The same as `_text` would, in fewer steps.
    """
    try:
        messages = [message for (message,) in completions]
        plain = {*map(type, completions)} == {list} and {*map(type, messages)} == {dict}
        if (
            not plain
            or {*map(len, messages)} != {2}
            or {message["role"] for message in messages} != {"assistant"}
        ):
            return None
        texts = [message["content"] for message in messages]
        return [text if str.isascii(text) else _encodable(text) for text in texts]
    except (TypeError, ValueError, LookupError):
        return None


def _text(completion: Any) -> str:
    """Return one completion's text, "" where there is none."""
    if isinstance(completion, str):
        return completion if completion.isascii() else _encodable(completion)
    single = not isinstance(completion, list) and isinstance(completion, Mapping)
    messages = [completion] if single else completion
    if not isinstance(messages, _SEQUENCE):
        return ""
    for message in reversed(messages):
        if isinstance(message, _MAPPING) and message.get("role", "assistant") == "assistant":
            text = message.get("content")
            if not isinstance(text, str):
                text = _content(text)
            reasoning = message.get("reasoning_content")
            if reasoning and isinstance(reasoning, str):
                text = f"<think>{reasoning}</think>{text}"
            return text if text.isascii() else _encodable(text)
    return ""


_MAPPING, _SEQUENCE = (dict, Mapping), (list, Sequence)  # the plain types first: they are quicker


def _content(content: Any) -> str:
    """Return the text of a message's content: a string, a list of parts, or nothing."""
    if isinstance(content, str):
        return content
    content = [content] if isinstance(content, Mapping) else content
    if not isinstance(content, Sequence):
        return ""
    parts = (part.get("text") if isinstance(part, Mapping) else part for part in content)
    return "".join(part for part in parts if isinstance(part, str))


def _encodable(text: str) -> str:
    """Return the text with each lone surrogate replaced by U+FFFD, and each pair joined."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
