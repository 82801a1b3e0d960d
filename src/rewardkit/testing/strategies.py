r"""Hypothesis strategies for the inputs of rewards: completions, references, numbers, batches.

Options are keyword-only and checked when the strategy is made. Examples shrink to the simplest one
that still shows a failure: few rows, short text, plain strings.

>>> from hypothesis import given
>>> from rewardkit.verify import Number
>>> @given(number=numbers(spellings=["thousands", "latex"]))
... def test_spellings(number):
...     text, value = number
...     (verdict,) = Number().verify([text], [f"{value.numerator}/{value.denominator}"])
...     assert verdict.outcome == "correct"
>>> test_spellings()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from rewardkit._text.tag_layout import TagPair, check_tag, check_tags, tag_marks
from rewardkit.batch import Batch, ColumnName, Reference
from rewardkit.testing._drawing import (
    ColumnValues,
    choose_names,
    make_column_strategy,
    mix_evenly,
    require_strategy,
    sample_evenly,
)
from rewardkit.testing._forms import CARRIERS, FORMS, NO_TEXT, make_batch
from rewardkit.testing._spellings import SPELLINGS, make_number_strategy

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

TEXT_KINDS = ("well_formed", "malformed", "hostile", "long")
"""How a text is made: tagged as asked; with one tag wrong; pieces in any order; any of these with a
piece repeated up to 1,500 times."""
LAYOUTS: tuple[tuple[str | TagPair, ...], ...] = (
    ("reasoning", "answer"),
    ("think",),
    ("think", "answer"),
)
"""The usual blocks of a completion, by their tags."""


def tagged(
    *tags: str | TagPair, contents: SearchStrategy[str] | None = None, broken: bool = False
) -> SearchStrategy[str]:
    r"""Texts of one block per tag, in order; by default `reasoning` and `answer`.

    A tag is a name, or a pair (opening, closing) of any marks. Each block holds a text of
    `contents` as it is, by default a few words or a number. If `broken` is true, one thing is
    wrong: a tag is missing, doubled, misspelt or misplaced, or there is text outside of the blocks.
    Raises ValueError for anything but names and pairs.

    >>> from rewardkit.rewards import XmlSoft
    >>> from hypothesis import given
    >>> @given(text=tagged("reasoning", "answer"))
    ... def test_layout(text):
    ...     assert XmlSoft()(completions=[text]) == [0.5]
    >>> test_layout()
    """
    tags = check_tags(tuple(map(check_tag, tags or LAYOUTS[0])))
    inside = require_strategy(_CONTENTS if contents is None else contents, "contents")
    return _make_tagged_strategy(tags, inside, broken=broken)


def _make_tagged_strategy(
    tags: Sequence[str | TagPair], contents: SearchStrategy[str], *, broken: bool
) -> SearchStrategy[str]:
    # one strategy per part, made once: Hypothesis validates a new one at each draw
    insides = st.tuples(*[contents] * len(tags))
    positions = st.integers(0, len(tags) * 2 - 1)
    fault = st.tuples(positions, st.sampled_from(_FAULTS)) if broken else st.none()
    return st.tuples(_GAPS, insides, fault).map(lambda three: _write_tagged(tags, *three))


def _write_tagged(
    tags: Sequence[str | TagPair],
    gap: str,
    contents: Sequence[str],
    fault: tuple[int, _Fault] | None,
) -> str:
    insides = [f"{gap}{text}{gap}" for text in contents]
    blocks = zip(map(tag_marks, tags), insides, strict=True)
    pieces = [piece for (first, last), text in blocks for piece in (first, text, last)]
    if fault is not None:
        position, spoil = fault
        # of a tag, not of a block's text
        pieces = spoil(pieces, position // 2 * 3 + position % 2 * 2)
    # by identity, since a block's text may itself be a mark
    inside_ids = {id(text) for text in insides}
    text = ""
    for previous, piece in zip(["", *pieces], pieces, strict=False):
        on_new_line = bool(previous) and not inside_ids & {id(previous), id(piece)}
        text += f"\n{piece}" if on_new_line else piece
    return text


def _misspell_tag(tag: str) -> str:
    # in capitals, or in small letters if it is in capitals; "1" has neither and is doubled
    name = tag.strip("</[]>") or tag
    other = next(each for each in (name.upper(), name.lower(), name * 2) if each != name)
    return tag.replace(name, other)


def _split_tag(tag: str) -> str:
    # a mark of one character, which a space cannot split, is left out
    return f"{tag[:-1]} {tag[-1]}" if len(tag) > 1 else ""


_Fault = Callable[[list[str], int], list[str]]
_FAULTS: list[_Fault] = [
    lambda pieces, at: pieces[:at] + pieces[at + 1 :],
    lambda pieces, at: pieces[: at + 1] + pieces[at:],
    lambda pieces, at: [*pieces[:at], _misspell_tag(pieces[at]), *pieces[at + 1 :]],
    lambda pieces, at: [*pieces[:at], _split_tag(pieces[at]), *pieces[at + 1 :]],
    lambda pieces, at: [*pieces[: at // 3 * 3], "so", *pieces[at // 3 * 3 :]],
    lambda pieces, at: pieces[:at],
    lambda pieces, _: pieces[::-1],
    lambda pieces, _: [*pieces, "and more"],
    lambda pieces, _: pieces * 2,
]

_GAPS = st.sampled_from(["\n", ""])
_PIECES = [
    *("<reasoning>", "</reasoning>", "<answer>", "</answer>", "<think>", "</think>"),
    *("\n", " ", "4", "42", "-42", "1,000", "7.0", "$7", "50%", "1/2", r"\frac{1}{2}", r"\boxed{"),
    *("<|im_end|>", "</ think>"),
    *("}", "#### ", "\u00b2", "\u0664\u0662", "\uff14\uff12", "nan", "inf", "1e999", "\x00"),
    *("\ud800", "\u200b", "9" * 5000, "The answer is B", "```", "$", "$$", r"\[", r"\)", "`"),
    *(".", ",", "saya", "hello", "\u4f60\u597d", "\U0001f600", "First, ", "- ", "{", '"'),
]
_WORDS = ("so", "it", "is", "4", "42", "2 + 2", "four", "x", "Jakarta", "\u4f60\u597d")
_SENTENCES = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=5).map(" ".join)
# no category left out: models do emit lone surrogates and control characters
_ANYTHING = st.text(st.characters(exclude_categories=()), max_size=40)
_MAX_REPETITIONS = 1500


def texts(
    *,
    kinds: str | Iterable[str] = TEXT_KINDS,
    layouts: Iterable[Sequence[str | TagPair]] = LAYOUTS,
    words: Iterable[str] = (),
) -> SearchStrategy[str]:
    """Texts of completions, of the given `kinds`.

    `layouts` are the tags of the tagged texts; `words` are mixed into hostile texts, beside tags,
    numbers, LaTeX, look-alike digits, control characters, lone surrogates and 5,000 digits. Raises
    ValueError for an unknown kind and for no layout, TypeError for layouts other than tags and for
    words other than texts.
    """
    kinds, layouts = choose_names(kinds, TEXT_KINDS, "kinds"), [*layouts]
    words = [words] if isinstance(words, str) else [*words]
    if not layouts:
        raise ValueError("layouts: got none, expected the tags of one or more, as [('think',)]")
    if wrong := [layout for layout in layouts if isinstance(layout, str)]:
        raise TypeError(
            f"layouts: got {wrong[0]!r}, expected the tags of each, as [('reasoning', 'answer')]"
        )
    if wrong := [word for word in words if not isinstance(word, str)]:
        raise TypeError(f"words: got {wrong[0]!r}, expected texts")
    pieces = sample_evenly(_PIECES, words)
    by_kind = {
        "well_formed": mix_evenly(*(tagged(*tags) for tags in layouts)),
        "malformed": mix_evenly(*(tagged(*tags, broken=True) for tags in layouts)),
        "hostile": mix_evenly(_ANYTHING, st.lists(pieces, max_size=14).map("".join)),
    }
    tails = st.integers(0, _MAX_REPETITIONS)
    # eight characters of a piece, so that the 5,000 digits stay below 12,000 characters
    by_kind["long"] = st.tuples(mix_evenly(*by_kind.values()), pieces, tails).map(
        lambda three: three[0] + three[1][:8] * three[2]
    )
    # sorted, so that "hostile" is first: Hypothesis shrinks to the first, and its simplest is ""
    return mix_evenly(*(by_kind[kind] for kind in sorted(kinds)))


def completions(
    *, forms: str | Iterable[str] = FORMS, texts: SearchStrategy[str] | None = None
) -> SearchStrategy[Any]:
    """Completions in every form that a trainer passes, or in the given ones.

    `text` is a plain string, `chat` one message, `parts` one message with its content in parts,
    `turns` several messages, `tools` several with a tool call in between, `empty` has no text.
    `texts` are the texts in them. Raises ValueError for an unknown form.
    """
    forms = choose_names(forms, FORMS, "forms")
    inside = require_strategy(_TEXTS if texts is None else texts, "texts")
    return mix_evenly(
        *(_EMPTY if form == "empty" else inside.map(CARRIERS[form]) for form in forms)
    )


# copies, since a reward may change the messages that it gets
_EMPTY = st.sampled_from(NO_TEXT).map(lambda messages: [*map(dict, messages)])

_PROMPT_CARRIERS: dict[str, Callable[[str], Any]] = {
    "text": lambda text: text,
    "chat": lambda text: [
        {"role": "system", "content": "Answer between <answer> and </answer>."},
        {"role": "user", "content": text},
    ],
}
# Two draws per prompt: Hypothesis pays for each draw, and rewards read little of a prompt.
_QUESTIONS = st.tuples(
    st.integers(0, 999), st.sampled_from([*_WORDS, "so it is 4 x", "2 + 2 is four"])
).map(lambda two: f"What is {two[0]}? {two[1]}")


def prompts(*, forms: str | Iterable[str] = ("text", "chat")) -> SearchStrategy[Any]:
    """Prompts: a text, or messages of system and user. Raises ValueError for an unknown form."""
    forms = choose_names(forms, tuple(_PROMPT_CARRIERS), "forms")
    return mix_evenly(*(_QUESTIONS.map(_PROMPT_CARRIERS[form]) for form in forms))


def numbers(
    *,
    min_value: int = -(10**6),
    max_value: int = 10**6,
    spellings: str | Iterable[str] = SPELLINGS,
) -> SearchStrategy[tuple[str, Fraction]]:
    """Pairs of a number as people and models write it, and its exact value.

    The value is within the limits. A percent is worth its hundredth. Raises ValueError for limits
    that are not integers or not in order, and for an unknown spelling.

    >>> from hypothesis import find
    >>> find(numbers(spellings="thousands"), lambda number: number[1] > 999)
    ('1,000', Fraction(1000, 1))
    """
    for limit in (min_value, max_value):
        if not isinstance(limit, int):
            raise ValueError(f"got the limit {limit!r}, expected an integer")  # noqa: TRY004 - one error for both
    if min_value > max_value:
        raise ValueError(f"got min_value={min_value} above max_value={max_value}; exchange them")
    chosen = choose_names(spellings, SPELLINGS, "spellings")
    return mix_evenly(
        *(make_number_strategy(spelling, min_value, max_value) for spelling in chosen)
    )


def references(*, clean: bool = False) -> SearchStrategy[Any]:
    """A column of references: numbers in every spelling, words, and lists of right answers.

    If `clean` is false, also what real datasets contain: None, blanks, NaN, [], any text.
    """
    good = mix_evenly(
        numbers().map(lambda number: number[0]),
        st.sampled_from(_WORDS),
        st.integers(-1000, 1000),
        st.floats(-1000, 1000),
    )
    lists = st.lists(good, min_size=1, max_size=3)
    if clean:
        return mix_evenly(good, lists)
    return mix_evenly(
        good, lists, st.sampled_from([None, "", " \n"]), st.floats(), st.builds(list), _TEXTS
    )


_CONTENTS = mix_evenly(_SENTENCES, numbers().map(lambda number: number[0]))
_TEXTS = texts()


def calls(
    columns: Mapping[str, ColumnValues] | None = None,
    *,
    completions: SearchStrategy[Any] | None = None,
    prompts: SearchStrategy[Any] | None = None,
    min_size: int = 0,
    max_size: int = 6,
) -> SearchStrategy[dict[str, list[Any]]]:
    """The keyword arguments of a trainer: prompts, completions, completion_ids, and `columns`.

    Each is a list of `min_size` to `max_size` items, all of one length; the empty batch is among
    them. By default a call is all plain text or all messages, prompts and completions alike.
    Completions of one prompt are adjacent, and different groups have different prompts. A column is
    a strategy for its values, or a sequence to draw them from. Raises TypeError for anything else,
    ValueError for sizes that are not in order.

    >>> from hypothesis import given
    >>> @given(call=calls({"answer": numbers().map(lambda number: number[0])}))
    ... def test_length(call):
    ...     assert len(call["completions"]) == len(call["answer"])
    >>> test_length()
    """
    if not 0 <= min_size <= max_size:
        raise ValueError(
            f"got min_size={min_size}, max_size={max_size}, expected 0 or more, rising"
        )
    drawn = {name: make_column_strategy(given, name) for name, given in (columns or {}).items()}
    sizes = (min_size, max_size)
    if completions is not None:
        asked = _PROMPTS["any"] if prompts is None else require_strategy(prompts, "prompts")
        return _make_call_strategy(
            drawn, require_strategy(completions, "completions"), asked, sizes
        )
    return mix_evenly(
        *(
            _make_call_strategy(
                drawn,
                strategy,
                _PROMPTS[form] if prompts is None else require_strategy(prompts, "prompts"),
                sizes,
            )
            for form, strategy in _COMPLETIONS.items()
        )
    )


_COMPLETIONS = {"text": completions(forms="text"), "chat": completions(forms=FORMS[1:])}
_PROMPTS = {"text": prompts(forms="text"), "chat": prompts(forms="chat"), "any": prompts()}
# One draw for up to twelve tokens, for the same reason: equal ones, a rising row, repeated blocks.
_TOKEN_IDS = st.sampled_from(
    [[at * step % 10 for at in range(count)] for count in range(13) for step in range(10)]
).map(list)


def _make_call_strategy(
    columns: Mapping[str, SearchStrategy[Any]],
    completions: SearchStrategy[Any],
    prompts: SearchStrategy[Any],
    sizes: tuple[int, int],
) -> SearchStrategy[dict[str, list[Any]]]:
    parts = {"completions": completions, "completion_ids": _TOKEN_IDS, **columns}
    # each row says whether a group begins there, so that removing a row while shrinking is simple
    row = st.tuples(st.booleans(), *parts.values())
    rows = st.lists(row, min_size=sizes[0], max_size=sizes[1])

    @cache  # made once for each number of groups: Hypothesis validates a new strategy at each draw
    def make_distinct_prompts(count: int) -> SearchStrategy[list[Any]]:
        # by repr, since messages have no hash
        return st.lists(prompts, min_size=count, max_size=count, unique_by=repr)

    return _draw_call([*parts], rows, make_distinct_prompts)


@st.composite
def _draw_call(
    draw: DrawFn,
    names: Sequence[str],
    rows: SearchStrategy[list[tuple[Any, ...]]],
    make_distinct_prompts: Callable[[int], SearchStrategy[list[Any]]],
) -> dict[str, list[Any]]:
    drawn = draw(rows)
    groups = [sum(row[0] for row in drawn[: at + 1]) for at in range(len(drawn))]
    each = draw(make_distinct_prompts(len(set(groups))))
    by_group = dict(zip(dict.fromkeys(groups), each, strict=True))
    columns = {name: [row[at] for row in drawn] for at, name in enumerate(names, start=1)}
    return {"prompts": [by_group[group] for group in groups], **columns}


def batches(
    columns: Mapping[str, ColumnValues] | None = None,
    *,
    completions: SearchStrategy[Any] | None = None,
    prompts: SearchStrategy[Any] | None = None,
    min_size: int = 0,
    max_size: int = 6,
) -> SearchStrategy[Batch]:
    """Batches; the options are those of `calls`.

    >>> from hypothesis import given
    >>> @given(batch=batches({"answer": ["4", "7"]}, min_size=2))
    ... def test_texts(batch):
    ...     assert len(batch.texts) == len(batch.column("answer")) >= 2
    >>> test_texts()
    """
    return calls(
        columns, completions=completions, prompts=prompts, min_size=min_size, max_size=max_size
    ).map(make_batch)


def column_values(
    column: ColumnName[Any], *, also: Sequence[Any] = (), clean: bool = False
) -> SearchStrategy[Any]:
    """The values that a component's column may hold, by its declared type.

    `also` are more values to draw if the column takes any; `clean` is that of `references`.
    """
    if column.value_type is object:
        return st.sampled_from([*also, None, True, 0, "", *_WORDS])
    if column.value_type == Reference:
        return references(clean=clean)
    found: SearchStrategy[Any] = st.from_type(column.value_type)
    return found
