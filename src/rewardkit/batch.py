"""One batch as a trainer passes it: completions, prompts, token ids and dataset columns.

`Batch` reads every shape in which TRL, Unsloth and vLLM pass a completion, so that a reward only
ever sees `batch.texts`. `Column` names the dataset column that a reward reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property, reduce
from itertools import chain, groupby
from math import isnan
from numbers import Real
from operator import or_
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    Self,
    TypeAlias,
    TypeVar,
    cast,
    get_args,
    get_origin,
)

from pydantic_core import core_schema

from rewardkit._messages import explain_missing_column, make_names_unique, pluralize, shorten_repr
from rewardkit._text.completions import (
    find_unreadable,
    list_turns,
    read_content,
    read_texts,
    replace_surrogates,
)
from rewardkit._text.special_tokens import ends_in_token
from rewardkit._text.tag_layout import TagPair, list_tags

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, ValidationInfo
    from pydantic_core import CoreSchema

    from rewardkit._text.tool_calls import Call

Value = TypeVar("Value")

Reference = str | Real | Sequence | Mapping | None  # type: ignore[type-arg]  # isinstance takes no Sequence[...]
"""The value of a reference: a string, a number, a mapping (for verifiers that read one), or a list
of which any is right; None for a row without one."""

TokenCount = Real | str | None
"""A number of tokens; CSV has it as text."""

_TYPE_NAMES = {str: "a string", Real: "a number", Sequence: "a list", NoneType: "None"}

Surface: TypeAlias = Literal["trainer", "file", "rows"]
"""What passes a batch: a trainer, a command that reads a file, or rows given by a caller."""

COMPLETION_FORMS = "expected a text or messages"
NOT_DATASET_COLUMNS = ("completion", "prompt", "completion_ids", "step")
"""What a row has besides the dataset's columns."""

# what TRL takes from a dataset for itself, or passes under these names; never a dataset's column
_TRAINER_NAMES = frozenset({"prompt", "completion", "prompts", "completions", "completion_ids"})


class ColumnError(LookupError):
    """A column that a reward reads is missing, or has not one value per completion."""


class ColumnName(str, Generic[Value]):  # noqa: SLOT000 - a str takes no slots but empty ones
    """The name of a dataset column, with the type that its values must have.

    Fields are declared as `Column[type]` and take a plain string, so a dataset with other names
    needs no copy: `Correct(verifier=Number(), reference="solution")`. Of `list[str]` only the list
    is checked, not its elements.

    >>> ColumnName("solution", value_type=str) == "solution"
    True
    """

    value_type: Any
    field: str | None
    """The component's field that holds the name, for messages; None if unknown."""

    def __new__(cls, name: str, value_type: Any = object, field: str | None = None) -> Self:
        """Name a column whose values are instances of `value_type`, a type or a union of types."""
        column = super().__new__(cls, name)
        column.value_type = value_type
        column.field = field
        return column

    @property
    def holds_numbers(self) -> bool:
        """Whether its values are counts or other numbers, and so never a ground truth."""
        parts = get_args(self.value_type) or (self.value_type,)
        numbers = [part for part in parts if part is not NoneType]
        # By equality: a union that was pickled is another object.
        return self.value_type == TokenCount or all(
            isinstance(part, type) and issubclass(part, Real) for part in numbers
        )

    def __reduce__(self) -> tuple[type[Self], tuple[str, Any, str | None]]:
        """Pickle the name together with the values' type and the field."""
        return type(self), (str(self), self.value_type, self.field)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, _: GetCoreSchemaHandler) -> CoreSchema:
        """Take a non-empty string where a component declares a column."""
        value_type = _drop_type_arguments((*get_args(source), object)[0])

        def make_name(name: str, info: ValidationInfo) -> ColumnName[Any]:
            return cls(name, value_type, info.field_name)

        return core_schema.with_info_after_validator_function(
            make_name, core_schema.str_schema(min_length=1)
        )


if TYPE_CHECKING:
    # A field takes any string and holds a ColumnName, which type checkers have no other way to say.
    Column: TypeAlias = str | ColumnName[Value]
else:
    Column = ColumnName


class Batch:
    """One batch of completions with their prompts, token ids and columns; nothing is copied.

    `prompts`, `completions` and `completion_ids` are as the trainer passed them, or None; `columns`
    holds every other dataset column; `step` is the trainer's global step, if known. All but `step`
    have one item per completion.

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
        """Keep what the trainer passed.

        Raises ValueError if prompts or ids have another length, TypeError for a bare string.
        """
        if isinstance(completions, str):
            # a string is a sequence too: its letters would be scored as completions
            message = f"got the string {completions[:40]!r} as completions, expected a list of them"
            raise TypeError(message)
        self.completions = completions
        self.prompts = prompts
        self.completion_ids = completion_ids
        self.columns = {} if columns is None else columns
        self.step = step
        self.metrics: dict[str, float] = {}
        self.explain = True
        """Whether anyone reads the whys: a trainer does not, and rewards then need not find out."""
        self.surface: Surface = "trainer"
        """Whose words the messages use."""
        for name, items in (("prompts", prompts), ("completion_ids", completion_ids)):
            if items is not None and len(items) != len(completions):
                size = pluralize(len(completions), "completion")
                message = f"got {len(items)} {name} for {size}, expected one per completion"
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
        """Make a batch by hand, of completions given one by one or as one list.

        A column is the value itself for a single completion, else a list of values.

        >>> Batch.of("a", "b", answer=["1", "2"]).column("answer")
        ['1', '2']
        >>> Batch.of(["a", "b"], answer=["1", "2"]).texts
        ['a', 'b']
        """
        if "completions" in columns:
            # it would become a column of a batch without completions, which scores nothing
            message = (
                "Batch.of takes completions by position: Batch.of('text', answer='4'), or a list"
                " of them: Batch.of(['text'], answer=['4'])"
            )
            raise TypeError(message)
        if len(completions) == 1:
            (only,) = completions
            if _is_list_of_completions(only):
                completions = tuple(only)
            else:
                columns = {name: [value] for name, value in columns.items()}
        return cls(
            completions, prompts=prompts, completion_ids=completion_ids, columns=columns, step=step
        )

    def __len__(self) -> int:
        """Return the number of completions."""
        return len(self.completions)

    @cached_property
    def unreadable(self) -> Mapping[int, str]:
        """Rows whose completion is neither a text nor messages, each with what it is.

        A trainer passes none; a row of a file or a request may have a number or null there.
        """
        given = {row: self.completions[row] for row in find_unreadable(self.completions)}
        return {
            row: f"completion: {'missing or null' if one is None else f'got {shorten_repr(one)}'},"
            f" {COMPLETION_FORMS}"
            for row, one in given.items()
        }

    @cached_property
    def texts(self) -> list[str]:
        """The completions as text, made once.

        From messages, the last assistant message: its text parts joined, after its thought
        (`reasoning_content`, `reasoning`, `thinking`, or a part of the type `thinking`) in think
        tags; a thought without content after it was cut off, and gets no closing tag. Special
        tokens at the end (`<|im_end|>`, `</s>`, padding) are stripped. A completion without text
        is "". Lone surrogates become U+FFFD, so that every text can be encoded.
        """
        return read_texts(self.completions)

    def texts_for(self, tags: Sequence[str | TagPair]) -> list[str]:
        """Return the texts for a reward that looks for tags: names, or pairs (opening, closing).

        They are `texts`, with two differences that pairs may need: a special token at the end stays
        if it is one of the marks, and a thought is written between the marks of the first pair.

        >>> Batch.of("[A]4<|end|><|return|>").texts_for([("[A]", "<|end|>")])
        ['[A]4<|end|>']
        """
        kept = [mark for mark in list_tags(tags) if ends_in_token(mark)]
        first = tags[0]
        if isinstance(first, str):
            return read_texts(self.completions, keep=kept) if kept else self.texts
        return read_texts(self.completions, first, kept)

    @cached_property
    def turns(self) -> list[list[Mapping[Any, Any]]]:
        """The assistant's messages of each completion, in order; a text is one message.

        >>> call, reply = {"role": "assistant", "tool_calls": []}, {"role": "tool", "content": "4"}
        >>> [len(turns) for turns in Batch.of("4", [call, reply, call]).turns]
        [1, 2]
        """
        return list_turns(self.completions)

    @cached_property
    def tool_calls(self) -> list[list[Call]]:
        """The tool calls of each completion, of all its turns: `name`, `arguments` and `error`.

        From the messages' field `tool_calls` if any has one, else from the text: harmony,
        `<tool_call>` tags, or JSON with a name and arguments. Calls in thoughts are left out. A
        call that cannot be read has an `error`, which says why, and no arguments.

        >>> call = {"type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": 2}}}
        >>> Batch.of([{"role": "assistant", "tool_calls": [call]}]).tool_calls
        [[Call(name='add', arguments={'a': 1, 'b': 2}, error='')]]
        """
        from rewardkit._text.tool_calls import read_calls  # noqa: PLC0415 - it imports json

        return read_calls(self.turns)

    if not TYPE_CHECKING:  # or a type checker would accept any attribute

        def __getattr__(self, name: str) -> Any:
            """Say how a column is read, where its name is written as an attribute."""
            message = f"'Batch' object has no attribute {name!r}"
            # not self.columns, which a batch that is being unpickled does not have yet
            if name in self.__dict__.get("columns", ()):
                message += f"; batch.column({name!r}) reads that column"
            raise AttributeError(message)

    def column(self, name: str) -> Sequence[Any]:
        """Return the values of a column, one per completion.

        Raises ColumnError if there is no such column or it has another length, and TypeError
        if a value is not of the type that the `Column` declares.
        """
        if name not in self.columns:
            raise ColumnError(self._explain_missing(name))
        values = self.columns[name]
        if not _is_column(values) or len(values) != len(self):
            given = f"{len(values)} values" if _is_column(values) else f"a {type(values).__name__}"
            message = (
                f"column {name!r} has {given}, expected a list of {len(self)}, one per completion"
            )
            raise ColumnError(message)
        wanted = getattr(name, "value_type", object)
        # by the few different types, not by row: the check is paid for every batch
        if any(not issubclass(found, wanted) for found in {*map(type, values)}):
            row, value = next(
                (row, value) for row, value in enumerate(values) if not isinstance(value, wanted)
            )
            message = (
                f"column {name!r}, row {row}: got {value!r} ({type(value).__name__}),"
                f" expected {_describe_type(wanted)}; convert the column in the dataset"
            )
            raise TypeError(message)
        return cast("Sequence[Any]", values)

    def _explain_missing(self, name: str) -> str:
        field = getattr(name, "field", None)
        rename = "Rename it" + (f", or set {field}='<column>'" if field else "")
        if name in _TRAINER_NAMES:
            if self.surface == "trainer":
                problem = f"the trainer passes no dataset column {str(name)!r}, since it uses"
                return f"{problem} that name itself. {rename}"
            return f"{str(name)!r} is not a column that a reward's field can name. {rename}"
        if self.surface != "trainer":
            return self._explain_missing_in_rows(name, field)
        problem = explain_missing_column(name, sorted(self.columns))
        message = f"the dataset has {problem}{'' if problem.endswith('?') else '.'} {rename}"
        if not self.columns:
            message += (
                "; if the dataset has it, the trainer dropped it: set remove_unused_columns=False"
                " in the trainer's arguments"
            )
        return message

    def _explain_missing_in_rows(self, name: str, field: str | None) -> str:
        trainers = {"prompt": self.prompts, "completion_ids": self.completion_ids}
        present = [key for key, values in trainers.items() if values is not None]
        message = explain_missing_column(name, ["completion", *present, *self.columns])
        if self.surface == "file":
            # Trainers log what they sampled, without the dataset's columns.
            if self.columns.keys() >= _TRL_COLUMNS:
                message += (
                    "; TRL's table lacks the dataset's columns: join them with join='DATA' (--join"
                    " DATA)"
                )
            renaming = f"columns={{'FILE': {str(name)!r}}} (--column FILE=REWARD)"
            return f"{message}; rename one with {renaming}"
        other = f", or set {field} to a column that they have" if field else ""
        return f"{message}; give each row a value for it{other}"

    @property
    def has_ids_by_turn(self) -> bool:
        """Whether `completion_ids` has a list of ids per turn, and not one per completion."""
        # from the first row that has ids: looking at every row would double the cheapest reward's
        # time, and a trainer passes all rows alike
        for ids in self.completion_ids or ():
            if not isinstance(ids, list | tuple):
                return False
            if ids:
                return hasattr(ids[0], "__len__")
        return False

    def tokens(self) -> Sequence[Sequence[int]]:
        """Return the token ids of each completion, as lists; those of several turns joined.

        Raises ValueError if the batch has no ids, TypeError for a row without them.
        """
        if self.completion_ids is None:
            raise ValueError(_NO_TOKENS_MESSAGES[self.surface])
        if self.has_ids_by_turn:
            return [*map(_join_turns, self.completion_ids)]
        # TRL passes lists, which need no copy; other trainers pass arrays or tensors
        if {*map(type, self.completion_ids)} <= {list, tuple}:
            return self.completion_ids
        for row, ids in enumerate(self.completion_ids):
            if not hasattr(ids, "__len__"):
                given = shorten_repr(ids)
                message = f"completion_ids, row {row}: got {given}, expected a list of token ids"
                raise TypeError(message)
        return [ids.tolist() if hasattr(ids, "tolist") else ids for ids in self.completion_ids]

    def prompt_text(self, row: int) -> str:
        """Return a row's prompt as text: a string, or the contents of all messages, one per line.

        Raises ValueError if the batch has no prompts.
        """
        if self.prompts is None:
            raise ValueError(_NO_PROMPTS_MESSAGES[self.surface])
        prompt = self.prompts[row]
        if isinstance(prompt, str):
            return replace_surrogates(prompt)
        messages = [prompt] if isinstance(prompt, Mapping) else prompt
        if not isinstance(messages, Sequence):
            return ""
        texts = [
            read_content(message.get("content"))
            for message in messages
            if isinstance(message, Mapping)
        ]
        return replace_surrogates("\n".join(texts))

    def groups(self) -> list[range]:
        """Return the rows of each prompt's group: runs of equal adjacent prompts.

        If a trainer splits a group over several processes, each process sees a part of it. Raises
        ValueError if the batch has no prompts.
        """
        if self.prompts is None:
            raise ValueError(_NO_PROMPTS_MESSAGES[self.surface])
        # adjacent ones only: the same prompt drawn twice in a batch makes two groups, as in TRL
        groups, start = [], 0
        for _, run in groupby(self.prompts):
            stop = start + len([*run])
            groups.append(range(start, stop))
            start = stop
        return groups

    def select(self, rows: Iterable[int]) -> Batch:
        """Return a batch of some rows, in the order given, that shares this one's metrics."""
        rows = list(rows)

        def pick_rows(values: Any) -> Any:
            # anything else is kept: whoever reads it then has the message about its length
            fits = _is_column(values) and len(values) == len(self)
            return [values[row] for row in rows] if fits else values

        part = Batch(
            pick_rows(self.completions),
            prompts=pick_rows(self.prompts),
            completion_ids=pick_rows(self.completion_ids),
            columns={name: pick_rows(values) for name, values in self.columns.items()},
            step=self.step,
        )
        part.metrics, part.explain, part.surface = self.metrics, self.explain, self.surface
        return part

    def with_completions(self, completions: Sequence[Any]) -> Batch:
        """Return a batch with other completions for the same rows, that shares this one's metrics.

        The token ids remain those of the completions that the trainer passed.
        """
        changed = Batch(
            completions,
            prompts=self.prompts,
            completion_ids=self.completion_ids,
            columns=self.columns,
            step=self.step,
        )
        changed.metrics, changed.explain = self.metrics, self.explain
        changed.surface = self.surface
        return changed

    def log(self, name: str, values: Iterable[float | None]) -> None:
        """Keep the mean of `values`, without None and NaN, as a metric for the trainer's logs.

        If the name is taken, a number is added to it, so that nothing is overwritten.
        """
        known = [value for value in values if value is not None and not isnan(value)]
        if not known:
            return
        (key,) = make_names_unique([name], self.metrics)
        self.metrics[key] = sum(known) / len(known)


def read_step(value: Any) -> int | None:
    """Return a trainer's step; None for anything but a number: a dataset may have such a column.

    >>> read_step(12.0), read_step("12"), read_step("first"), read_step(None)
    (12, 12, None, None)
    """
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def split_by_step(batch: Batch) -> list[Batch]:
    """Return the rows as batches of one step each, if they have a column `step`.

    A trainer's batch has one step. Only adjacent rows are put together, so the order is kept.
    """
    steps: Any = batch.columns.get("step")
    if not _is_column(steps) or not 0 < len(steps) == len(batch):
        return [batch]
    parts, start = [], 0
    for step, run in groupby(steps):
        stop = start + sum(1 for _ in run)
        part = batch if stop - start == len(batch) else batch.select(range(start, stop))
        part.step = read_step(step)
        parts.append(part)
        start = stop
    return parts


_NO_PROMPTS_MESSAGES: Mapping[Surface, str] = {
    "trainer": "the batch has no prompts, which this reward needs; pass prompts=[...]",
    "file": "no column 'prompt', which this reward needs; rename one with"
    " columns={'FILE': 'prompt'} (--column FILE=prompt)",
    "rows": "no column 'prompt', which this reward needs; give each row a prompt",
}
_NO_TOKENS_MESSAGES: Mapping[Surface, str] = {
    "trainer": "counting tokens needs completion_ids=[[...], ...], a list of ids per completion",
    "file": "counting tokens needs the column 'completion_ids', a list of ids in each row; rename"
    " one with columns={'FILE': 'completion_ids'} (--column FILE=completion_ids)",
    "rows": "counting tokens needs the column 'completion_ids', a list of ids in each row",
}
# In the tables that TRL logs, without the columns of the dataset.
_TRL_COLUMNS = frozenset({"step", "advantage"})


def _join_turns(ids: Sequence[Any]) -> list[int]:
    # a row of a single turn may have its ids without a list around them
    turns = (turn if hasattr(turn, "__len__") else [turn] for turn in ids)
    # a turn may be an array or a tensor, whose elements do not hash as ints do
    lists = (turn.tolist() if hasattr(turn, "tolist") else turn for turn in turns)
    return [*chain.from_iterable(lists)]


def _drop_type_arguments(wanted: Any) -> Any:
    """Turn `list[str] | None` into `list | None`: isinstance takes no type arguments."""
    if not isinstance(wanted, UnionType):
        return get_origin(wanted) or wanted
    parts = get_args(wanted)
    bare = [*map(_drop_type_arguments, parts)]
    # the same object if there is nothing to drop, since messages know `Reference` by it
    return wanted if bare == [*parts] else reduce(or_, bare)


def _describe_type(wanted: Any) -> str:
    if wanted is Reference:
        return "a string, a number, a mapping or a list of them"
    parts = get_args(wanted) or (wanted,)  # of a union
    return " or ".join(_TYPE_NAMES.get(part, part.__name__) for part in parts)


def _is_column(values: Any) -> bool:
    """Return whether a keyword holds a value per row, and not one value for all of them."""
    return isinstance(values, Collection) and not isinstance(values, str | bytes | Mapping)


def _is_list_of_completions(value: Any) -> bool:
    """Return whether it is a list of completions, and not the messages of one."""
    # an empty list is a completion without a message
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and not all(isinstance(item, Mapping) for item in value)
    )
