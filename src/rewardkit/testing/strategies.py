r"""Hypothesis strategies for what a reward meets: completions, references, numbers, batches.

Options are keyword-only and checked when the strategy is made. What is drawn shrinks to the
plainest that still shows a failure: few rows, short text, plain strings.

>>> from hypothesis import given
>>> from rewardkit import build
>>> @given(number=numbers(spellings=["thousands", "latex"]))
... def test_spellings(number):
...     text, value = number
...     (verdict,) = build("number").verify([text], [f"{value.numerator}/{value.denominator}"])
...     assert verdict.outcome == "correct"
>>> test_spellings()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import cycle
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from rewardkit.batch import Batch, ColumnName, Reference
from rewardkit.extract import Extractor
from rewardkit.registry import lookup, names
from rewardkit.result import Outcome, Score, Verdict
from rewardkit.reward import Reward
from rewardkit.verify.base import Verifier

Item = TypeVar("Item")
Cells = SearchStrategy[Any] | Sequence[Any]
"""A column's cells: a strategy, or a sequence of which each row gets one."""

KINDS = ("well_formed", "malformed", "hostile", "long")
"""How a text is made: tagged as asked; with one tag wrong; glued together from anything; any of
these with a tail of up to 1,500 repetitions."""
LAYOUTS = (("reasoning", "answer"), ("think",), ("think", "answer"))
"""The usual blocks of a completion, by their tags."""


def chosen(given: str | Iterable[str], known: Sequence[str], option: str) -> list[str]:
    """Return the names given, if all are known. Raises ValueError where not, or where none is.

    Raises TypeError for what is neither a name nor names.
    """
    if not isinstance(given, Iterable):
        raise TypeError(f"{option}: got {given!r}, expected some of {', '.join(known)}")
    names = [given] if isinstance(given, str) else [*given]
    wrong = [name for name in names if name not in known]
    if wrong or not names:
        raise ValueError(f"{option}: got {wrong or names}, expected some of {', '.join(known)}")
    return names


def _strategy(given: SearchStrategy[Item], option: str) -> SearchStrategy[Item]:
    """Return the strategy. Raises TypeError where it is none."""
    if not isinstance(given, SearchStrategy):
        raise TypeError(
            f"{option}: got {given!r} ({type(given).__name__}), expected a Hypothesis strategy"
        )
    return given


def cells(given: Cells, name: str) -> SearchStrategy[Any]:
    """Return a column's cells as a strategy."""
    if isinstance(given, SearchStrategy):
        return given
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise TypeError(
            f"column {name!r}: got {given!r}, expected a strategy for its cells, or a list of cells"
            " to draw from"
        )
    return st.sampled_from(given)


def unnamed(strategy: SearchStrategy[Item]) -> SearchStrategy[Item]:
    """Return a strategy without its long name, of which Hypothesis warns."""

    @st.composite
    def drawn(draw: DrawFn) -> Item:
        return draw(strategy)

    return drawn()


def mostly(usual: SearchStrategy[Item], other: SearchStrategy[Item]) -> SearchStrategy[Item]:
    """Draw two of three from the one, and the third from the other."""
    return _even(usual, usual, other)


def _even(*strategies: SearchStrategy[Item]) -> SearchStrategy[Item]:
    """Draw from each strategy as often: `one_of` counts the branches inside each."""
    return st.sampled_from(strategies).flatmap(lambda strategy: strategy)


def tagged(
    *tags: str, contents: SearchStrategy[str] | None = None, broken: bool = False
) -> SearchStrategy[str]:
    r"""Texts of one block for each tag, in order; by default `reasoning` and `answer`.

    Each block holds a text of `contents` as it is, by default a few words or a number. Where
    `broken` is true, one thing is wrong: a tag is missing, doubled, misspelt or misplaced, or text
    stands where none should. Raises ValueError for a tag that is none.

    >>> from rewardkit import build
    >>> from hypothesis import given
    >>> @given(text=tagged("reasoning", "answer"))
    ... def test_layout(text):
    ...     assert build("xml_soft")(completions=[text]) == [0.5]
    >>> test_layout()
    """
    tags = tags or LAYOUTS[0]
    for tag in tags:
        if not isinstance(tag, str) or not tag or set(tag) & set("<>/ \n"):
            raise ValueError(f"got the tag {tag!r}, expected a name such as 'answer'")
    return _tagged(
        tags, _strategy(_CONTENTS if contents is None else contents, "contents"), broken=broken
    )


@st.composite
def _tagged(
    draw: DrawFn, tags: Sequence[str], contents: SearchStrategy[str], *, broken: bool
) -> str:
    """Draw a text of one block a tag."""
    gap = draw(st.sampled_from(["\n", ""]))
    said = [f"{gap}{draw(contents)}{gap}" for _ in tags]
    blocks = zip(tags, said, strict=True)
    pieces = [piece for tag, text in blocks for piece in (f"<{tag}>", text, f"</{tag}>")]
    if broken:
        place = draw(st.integers(0, len(tags) * 2 - 1))
        place = place // 2 * 3 + place % 2 * 2  # of a tag, not of what is between
        pieces = draw(st.sampled_from(_FAULTS))(pieces, place)
    inside = {id(text) for text in said}
    text = ""
    for last, piece in zip(["", *pieces], pieces, strict=False):  # a line for each block
        between = last[:1] == piece[:1] == "<" and not inside & {id(last), id(piece)}
        text += f"\n{piece}" if between else piece
    return text


def _misspelt(tag: str) -> str:
    """Return a tag in other letters: in capitals where it is in none."""
    name = tag.strip("</>")
    other = next(each for each in (name.upper(), name.lower(), name * 2) if each != name)
    return tag.replace(name, other)


_FAULTS: list[Callable[[list[str], int], list[str]]] = [
    lambda pieces, at: pieces[:at] + pieces[at + 1 :],
    lambda pieces, at: pieces[: at + 1] + pieces[at:],
    lambda pieces, at: [*pieces[:at], _misspelt(pieces[at]), *pieces[at + 1 :]],
    lambda pieces, at: [*pieces[:at], pieces[at].replace(">", " >"), *pieces[at + 1 :]],
    lambda pieces, at: [*pieces[: at // 3 * 3], "so", *pieces[at // 3 * 3 :]],
    lambda pieces, at: pieces[:at],
    lambda pieces, _: pieces[::-1],
    lambda pieces, _: [*pieces, "and more"],
    lambda pieces, _: pieces * 2,
]

_PIECES = [
    *("<reasoning>", "</reasoning>", "<answer>", "</answer>", "<think>", "</think>"),
    *("\n", " ", "4", "42", "-42", "1,000", "7.0", "$7", "50%", "1/2", r"\frac{1}{2}", r"\boxed{"),
    *("}", "#### ", "\u00b2", "\u0664\u0662", "\uff14\uff12", "nan", "inf", "1e999", "\x00"),
    *("\ud800", "\u200b", "9" * 5000, "The answer is B", "```", "$", "$$", r"\[", r"\)", "`"),
    *(".", ",", "saya", "hello", "\u4f60\u597d", "\U0001f600", "First, ", "- ", "{", '"'),
]
_WORDS = ("so", "it", "is", "4", "42", "2 + 2", "four", "x", "Jakarta", "\u4f60\u597d")
_SENTENCES = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=5).map(" ".join)
_ANYTHING = st.text(st.characters(exclude_categories=()), max_size=40)


def texts(
    *,
    kinds: str | Iterable[str] = KINDS,
    layouts: Iterable[Sequence[str]] = LAYOUTS,
    words: Iterable[str] = (),
) -> SearchStrategy[str]:
    """Texts of completions, of the `kinds` given.

    `layouts` are the tags of what is tagged; `words` are glued into hostile texts beside tags,
    numbers, LaTeX, look-alike digits, control characters, lone surrogates and 5,000 digits. Raises
    ValueError for an unknown kind and for no layout, TypeError for layouts that are no tags each
    and words that are no texts.
    """
    kinds, layouts = chosen(kinds, KINDS, "kinds"), [*layouts]
    words = [words] if isinstance(words, str) else [*words]
    if not layouts:
        raise ValueError("layouts: got none, expected the tags of one or more, as [('think',)]")
    if wrong := [layout for layout in layouts if isinstance(layout, str)]:
        raise TypeError(
            f"layouts: got {wrong[0]!r}, expected the tags of each, as [('reasoning', 'answer')]"
        )
    if wrong := [word for word in words if not isinstance(word, str)]:
        raise TypeError(f"words: got {wrong[0]!r}, expected texts")
    pieces = st.sampled_from(_PIECES)
    if words:
        pieces = _even(pieces, st.sampled_from(words))
    made = {
        "well_formed": _even(*(tagged(*tags) for tags in layouts)),
        "malformed": _even(*(tagged(*tags, broken=True) for tags in layouts)),
        "hostile": _even(_ANYTHING, st.lists(pieces, max_size=14).map("".join)),
    }
    made["long"] = st.tuples(_even(*made.values()), pieces, st.integers(0, 1500)).map(
        lambda three: three[0] + three[1][:8] * three[2]
    )
    return _even(*(made[kind] for kind in sorted(kinds)))  # what is hostile shrinks to nothing


def _said(content: Any, **more: Any) -> dict[str, Any]:
    """Return a message of the assistant."""
    return {"role": "assistant", "content": content, **more}


_CALL = {"type": "function", "function": {"name": "add", "arguments": '{"a": 2, "b": 2}'}}
CARRIERS: dict[str, Callable[[str], Any]] = {
    "text": lambda text: text,
    "chat": lambda text: [_said(text)],
    "parts": lambda text: [_said([{"type": "text", "text": text}])],
    "turns": lambda text: [_said("2?"), {"role": "user", "content": "Go on."}, _said(text)],
    "tools": lambda text: [
        _said(None, tool_calls=[_CALL]),
        {"role": "tool", "name": "add", "content": "4"},
        _said(text),
    ],
}
"""The forms in which a trainer passes one and the same text."""
FORMS = (*CARRIERS, "empty")
"""Those, and completions without a text: no message, no content, nothing but a tool call."""

_NO_TEXT: list[Any] = [
    [_said(None)],
    [_said("")],
    [_said([])],
    [_said(None, tool_calls=[_CALL])],
    [_said([{"type": "image_url", "image_url": {"url": "data:,"}}])],
    [_said(None), {"role": "tool", "name": "add", "content": "4"}],
    [],
]
_EMPTY = st.sampled_from(_NO_TEXT).map(lambda messages: [*map(dict, messages)])


def completions(
    *, forms: str | Iterable[str] = FORMS, texts: SearchStrategy[str] | None = None
) -> SearchStrategy[Any]:
    """Completions in every form that a trainer passes, or in those given.

    `text` is a plain string, `chat` one message, `parts` one with its content in parts, `turns`
    several messages, `tools` several with a call of a tool between, `empty` those without a text.
    `texts` are what stands in them. Raises ValueError for an unknown form.
    """
    forms = chosen(forms, FORMS, "forms")
    inside = _strategy(_TEXTS if texts is None else texts, "texts")
    return _even(*(_EMPTY if form == "empty" else inside.map(CARRIERS[form]) for form in forms))


def form_of(completion: Any) -> str:
    """Return the form of a completion, `empty` where it has no text."""
    if isinstance(completion, str):
        return "text"
    messages = completion if isinstance(completion, list) else []
    last = messages[-1] if messages else None
    content = last.get("content") if isinstance(last, Mapping) else None
    if not content:
        return "empty"
    if isinstance(content, list):
        return "parts"
    if len(messages) == 1:
        return "chat"
    return "tools" if messages[-2].get("role") == "tool" else "turns"


def classics(forms: str | Iterable[str] = FORMS, *, tags: Iterable[str] = ()) -> list[Any]:
    """Return completions that have broken many rewards, each in one form or another.

    Between each of the `tags` stands a zero, nothing, and what is no number.
    """
    forms = chosen(forms, FORMS, "forms")
    known = [CARRIERS[form] for form in forms if form in CARRIERS]
    texts = [*_CLASSICS, *(f"<{tag}>{inside}</{tag}>" for tag in tags for inside in ("0", "", "x"))]
    said = [carrier(text) for text, carrier in zip(texts, cycle(known or [str]), strict=False)]
    return (said if known else []) + (_NO_TEXT if "empty" in forms else [])


_CLASSICS = (
    *("", "\n", "4", "It is 4.</answer>", "</think>4", "<answer>", "<think>4", "\ud800", "\x00"),
    "<reasoning>\nTwo and two,\nso four.\n</reasoning>\n<answer>\n4\n</answer>\n",
    "<think>\nTwo and two.\n</think>\n4",
    *("<answer>\u00b2</answer>", r"<answer>\boxed{4}</answer>", "<answer>1,000</answer>"),
    *("<answer>" + "9" * 5000 + "</answer>", "<answer>nan</answer>", "<answer>1e999</answer>"),
    "<reasoning>\n2 + 2\n</reasoning>\n<answer>\n4\n</answer>\n" + "so " * 700,
)


_ASKED: dict[str, Callable[[str], Any]] = {
    "text": lambda text: text,
    "chat": lambda text: [
        {"role": "system", "content": "Answer between <answer> and </answer>."},
        {"role": "user", "content": text},
    ],
}


def prompts(*, forms: str | Iterable[str] = ("text", "chat")) -> SearchStrategy[Any]:
    """Prompts: a text, or messages by the system and the user. Raises for an unknown form."""
    forms = chosen(forms, tuple(_ASKED), "forms")
    return _even(*(_QUESTIONS.map(_ASKED[form]) for form in forms))


def asked(prompt: Any, completion: Any) -> Any:
    """Return a prompt as it comes with a completion: a text with a text, messages with messages."""
    if isinstance(prompt, str) and not isinstance(completion, str):
        return [{"role": "user", "content": prompt}]
    if isinstance(prompt, list) and prompt and isinstance(completion, str):
        return prompt[-1]["content"] if isinstance(prompt[-1], Mapping) else prompt
    return prompt


_QUESTIONS = st.tuples(st.integers(0, 9), _SENTENCES).map(lambda two: f"What is {two[0]}? {two[1]}")


def _point(value: Fraction, places: int = 2) -> str:
    """Return a value with so many decimal places, exactly."""
    whole, rest = divmod(int(abs(value) * 10**places), 10**places)
    return f"{_sign(value)}{whole}.{rest:0{places}}"


def _sign(value: Fraction, minus: str = "-") -> str:
    return minus if value < 0 else ""


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _mixed(value: Fraction) -> str:
    """Return 7/2 as 3 1/2."""
    whole, rest = divmod(abs(value), 1)
    return f"{_sign(value)}{whole} {_ratio(rest)}" if whole and rest else _ratio(value)


_SPELLINGS: dict[str, tuple[int, list[Callable[[Fraction], str]]]] = {
    "plain": (1, [str]),
    "thousands": (1, [lambda value: f"{int(value):,}"]),
    "sign": (1, [lambda value: f"{_sign(value, chr(0x2212)) or '+'}{abs(value)}"]),
    "unit": (1, [lambda value: f"{value} apples", lambda value: f"{value} cm"]),
    "marked": (1, [lambda value: f"**{value}**", lambda value: rf"\boxed{{{value}}}"]),
    "math": (1, [lambda value: f"${value}$", lambda value: rf"\({value}\)"]),
    "scale": (1, [lambda value: f"{_point(value / 1000, 3)} thousand"]),
    "decimal": (100, [_point, lambda value: f"{_point(value)}0"]),
    "currency": (100, [lambda value: f"{_sign(value)}${_point(abs(value))}"]),
    "percent": (100, [lambda value: f"{value * 100}%", lambda value: rf"{value * 100}\%"]),
    "power": (
        100,
        [
            lambda value: f"{value * 100}e-2",
            lambda value: rf"{_point(value / 10, 3)} \times 10^{{1}}",
        ],
    ),
    "fraction": (0, [_ratio, lambda value: f"{value.numerator * 3}/{value.denominator * 3}"]),
    "mixed": (0, [_mixed]),
    "latex": (
        0,
        [lambda value: rf"{_sign(value)}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"],
    ),
}
SPELLINGS = tuple(_SPELLINGS)
"""The ways to write a number: 42, 1,000, +42, 42 cm, **42**, $42$, 4.200 thousand, 0.50, $0.50,
50%, 5e-2, 2/4, 1 1/2, \\frac{1}{2}."""


def numbers(
    *,
    min_value: int = -(10**6),
    max_value: int = 10**6,
    spellings: str | Iterable[str] = SPELLINGS,
) -> SearchStrategy[tuple[str, Fraction]]:
    """Pairs of a number as people and models write it, and its exact value.

    The value lies within the limits. A percent is worth its hundredth. Raises ValueError for limits
    that are no integers or not in order, and for an unknown spelling.

    >>> from hypothesis import find
    >>> find(numbers(spellings="thousands"), lambda number: number[1] > 999)
    ('1,000', Fraction(1000, 1))
    """
    for limit in (min_value, max_value):
        if not isinstance(limit, int):
            raise ValueError(f"got the limit {limit!r}, expected an integer")  # noqa: TRY004 - one error for both
    if min_value > max_value:
        raise ValueError(f"got min_value={min_value} above max_value={max_value}; exchange them")

    def spelled(name: str) -> SearchStrategy[tuple[str, Fraction]]:
        parts, writers = _SPELLINGS[name]
        values = (
            st.integers(min_value * parts, max_value * parts).map(lambda n: Fraction(n, parts))
            if parts
            else st.fractions(min_value, max_value, max_denominator=99)
        )
        return st.tuples(values, st.sampled_from(writers)).map(lambda two: (two[1](two[0]), two[0]))

    return _even(*map(spelled, chosen(spellings, SPELLINGS, "spellings")))


def references(*, clean: bool = False) -> SearchStrategy[Any]:
    """A reference's cells: numbers in every spelling, words, and lists of which any is right.

    Where `clean` is false also what real datasets hold beside: None, blanks, NaN, [], any text.
    """
    good = _even(
        numbers().map(lambda number: number[0]),
        st.sampled_from(_WORDS),
        st.integers(-1000, 1000),
        st.floats(-1000, 1000),
    )
    lists = st.lists(good, min_size=1, max_size=3)
    if clean:
        return _even(good, lists)
    return _even(
        good, lists, st.sampled_from([None, "", " \n"]), st.floats(), st.builds(list), _TEXTS
    )


_CONTENTS = _even(_SENTENCES, numbers().map(lambda number: number[0]))
_TEXTS = texts()


def calls(
    columns: Mapping[str, Cells] | None = None,
    *,
    completions: SearchStrategy[Any] | None = None,
    prompts: SearchStrategy[Any] | None = None,
    min_size: int = 0,
    max_size: int = 6,
) -> SearchStrategy[dict[str, list[Any]]]:
    """What a trainer passes by keyword: prompts, completions, completion_ids, and `columns`.

    Each is a list of one length, `min_size` to `max_size`, the empty batch among them. By default a
    call is all of plain text or all of messages, prompts and completions alike. Completions of one
    prompt stand together, and different groups have different prompts. A column is a strategy for
    its cells, or a sequence to draw them from. Raises TypeError for what is neither, ValueError for
    sizes that are not in order.

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
    made = {name: cells(given, name) for name, given in (columns or {}).items()}
    said = _SAID if completions is None else {_ANY: _strategy(completions, "completions")}
    return _even(
        *(
            _calls(
                made,
                strategy,
                _QUESTIONED[form] if prompts is None else _strategy(prompts, "prompts"),
                (min_size, max_size),
            )
            for form, strategy in said.items()
        )
    )


_ANY = "any"
_SAID = {"text": completions(forms="text"), "chat": completions(forms=FORMS[1:])}
_QUESTIONED = {"text": prompts(forms="text"), "chat": prompts(forms="chat"), _ANY: prompts()}
_IDS = st.lists(st.integers(0, 9), max_size=12)


@st.composite
def _calls(
    draw: DrawFn,
    columns: Mapping[str, SearchStrategy[Any]],
    completions: SearchStrategy[Any],
    prompts: SearchStrategy[Any],
    sizes: tuple[int, int],
) -> dict[str, list[Any]]:
    """Draw the rows, where the groups begin, and a prompt for each group."""
    row = st.fixed_dictionaries({"completions": completions, "completion_ids": _IDS, **columns})
    drawn = draw(st.lists(st.tuples(st.booleans(), row), min_size=sizes[0], max_size=sizes[1]))
    rows = [row for _, row in drawn]
    groups = [sum(new for new, _ in drawn[: at + 1]) for at in range(len(drawn))]
    count = len(set(groups))
    each = draw(st.lists(prompts, min_size=count, max_size=count, unique_by=repr))
    known = dict(zip(dict.fromkeys(groups), each, strict=True))
    return {
        "prompts": [known[group] for group in groups],
        **{
            name: [row[name] for row in rows]
            for name in ("completions", "completion_ids", *columns)
        },
    }


def batches(
    columns: Mapping[str, Cells] | None = None,
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
    drawn = calls(
        columns, completions=completions, prompts=prompts, min_size=min_size, max_size=max_size
    )
    return drawn.map(batch_of)


def batch_of(call: Mapping[str, list[Any]]) -> Batch:
    """Return the batch that a reward makes of a trainer's call."""
    known = ("completions", "prompts", "completion_ids")
    return Batch(
        call["completions"],
        prompts=call.get("prompts"),
        completion_ids=call.get("completion_ids"),
        columns={name: cells for name, cells in call.items() if name not in known},
    )


def cells_of(
    column: ColumnName[Any], *, also: Sequence[Any] = (), clean: bool = False
) -> SearchStrategy[Any]:
    """The cells that a component's column may hold, by the type that it declares.

    `also` are cells to have among them where any will do; `clean` is that of `references`.
    """
    if column.value_type is object:
        return st.sampled_from([*also, None, True, 0, "", *_WORDS])
    if column.value_type == Reference:
        return references(clean=clean)
    found: SearchStrategy[Any] = st.from_type(column.value_type)
    return found


def register() -> None:
    """Register strategies for rewardkit's own types, so that `from_type` knows them.

    Hypothesis calls this by itself where rewardkit is installed.

    >>> from hypothesis import given, strategies as st
    >>> from rewardkit import Batch, Score
    >>> register()
    >>> @given(st.from_type(Score))
    ... def test_scores(score):
    ...     assert score.value is None or abs(score.value) < float("inf")
    >>> test_scores()
    """
    finite = st.none() | st.floats(allow_nan=False, allow_infinity=False)
    share = st.none() | st.floats(0, 1)
    st.register_type_strategy(Batch, lambda _: batches())
    st.register_type_strategy(Score, st.builds(Score, finite, st.text()))
    st.register_type_strategy(
        Verdict, st.builds(Verdict, st.sampled_from(Outcome), st.text(), share)
    )
    st.register_type_strategy(
        ColumnName, lambda _: st.text(min_size=1, max_size=20).map(ColumnName)
    )
    for base in (Reward, Verifier, Extractor):
        st.register_type_strategy(base, lambda base: _plain(base.component_kind))


def _plain(kind: str) -> SearchStrategy[Any]:
    """Components of a kind that need no fields."""
    made = []
    for cls in map(lookup, names(kind)):
        with suppress(ValueError):  # of those that need some
            made.append(cls())
    return st.sampled_from(made)
