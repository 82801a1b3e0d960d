"""The calls that a reward is tried with: columns, right completions, one form per batch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st

from rewardkit import component
from rewardkit._template import fill
from rewardkit._text.tag_layout import TagPair
from rewardkit.batch import Reference
from rewardkit.component import Component
from rewardkit.reward import Reward
from rewardkit.testing import _calls, _options, strategies
from rewardkit.testing._attacks import list_attacks, list_matches
from rewardkit.testing._calls import Rows, Values, count_rows, select_rows
from rewardkit.testing._classics import list_classics, list_endless_programs
from rewardkit.testing._drawing import (
    ColumnValues,
    choose_names,
    make_column_strategy,
    mix_in_third,
    require_strategy,
)
from rewardkit.testing._forms import CARRIERS, FORMS, find_form, list_carriers, match_prompt
from rewardkit.testing._subject import MakeBatches, Score, draw_examples
from rewardkit.testing._words import (
    find_blocks,
    find_patterns,
    find_tags,
    find_words,
    list_constants,
    runs_programs,
)

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

PartialTemplate = str | Callable[[Mapping[str, Any]], str | None]
"""How a perfect completion is written: a text with `{column}` for the row's value, or a function of
the row that returns None to leave out a row."""

# Those of the usual notebooks, tried if `template` is not given; "*" is the reference.
_USUAL_TEMPLATES = (
    "*",
    "<answer>*</answer>",
    "<reasoning>\nso\n</reasoning>\n<answer>\n*\n</answer>\n",
    "<think>so</think>\n*",
    r"It is \boxed{*}.",
    "so\n#### *",
)
_TRAINER_LISTS = ("prompts", "completions", "completion_ids")
_BY_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
# Enough to see every form that a user's completions have.
_LISTS_TO_FIND_FORMS = 30
# A few rows are enough to depend on each other; more only make each example slower.
_MAX_ROWS = 4
_RIGHT_ROWS = 17
_CHUNK_ROWS = 8
_ROWS_TO_DRAW = 40
_TWO_ROWS = 2


class RewardInputs(NamedTuple):
    """The calls for a reward, and what they are made of."""

    words: tuple[str, ...]
    """Texts in its fields or its code."""
    forms: tuple[str, ...]
    """The forms of its completions."""
    classics: Sequence[Any]
    """Completions that are tried before anything is drawn."""
    rows: SearchStrategy[Rows]
    """Calls to try."""
    right_rows: SearchStrategy[Rows] | None
    """Calls with right completions only, if `template` says how they are written."""
    programs: Sequence[str]
    """Texts with programs that do not end, if it runs programs."""
    attacks: Sequence[tuple[str, str]]
    """What its patterns may take long for: a text before, and one that is repeated."""
    make_right_batches: MakeBatches
    """Return calls with right completions, given what scores a call with its own references, and
    what scores one with others."""


def make_reward_inputs(
    reward: Any,
    columns: Mapping[str, ColumnValues] | None,
    completions: SearchStrategy[Any] | None,
    *,
    forms: str | Iterable[str],
    template: PartialTemplate | None,
) -> RewardInputs:
    """Return the calls for a reward. Raises ValueError and TypeError for unfit options."""
    _options.check_target(reward, "reward")
    chosen = choose_names(forms, FORMS, "forms")
    if columns is not None:
        declared = component.columns(reward) if isinstance(reward, Component) else []
        _options.check_columns(columns, [*map(str, declared)])
    values, clean = (
        _list_column_values(reward, columns or {}, clean=clean) for clean in (False, True)
    )
    if template is not None:
        _options.check_template(template, [*clean])
    words, patterns = find_words(reward), find_patterns(reward)
    templates = [template] if template is not None else []
    classics: Sequence[Any] = ()
    if completions is None:
        templates = templates or _guess_templates(reward, clean)
        blocks = find_blocks(reward, words)
        texts = make_text_strategy(words, blocks)
        drawn = {
            kind: (some, strategies.completions(forms=some, texts=texts))
            for kind, some in _split_forms(chosen).items()
        }
        classics = list_classics(chosen, tags=blocks, matches=list_matches(patterns))
    else:
        shown = _find_forms(require_strategy(completions, "completions"))
        chosen = [form for form in chosen if form in shown]
        drawn = {"text": (chosen, completions)}
    all_rows, right_rows = [], []
    for kind, (some, usual) in drawn.items():
        right = _make_right_strategy(clean, templates, list_carriers(reward, some))
        mixed = usual if right is None else mix_in_third(usual, right)
        prompts = strategies.prompts(forms=kind)
        make = partial(strategies.calls, prompts=prompts, max_size=_MAX_ROWS)
        all_rows.append(make(values, completions=mixed))
        # a guessed way to write the reference need not earn the maximum
        if right is not None and template is not None:
            right_rows.append(make(completions=right, min_size=1))
    finish = partial(_finish_rows, reward)
    return RewardInputs(
        words,
        tuple(chosen),
        classics,
        st.one_of(all_rows).map(finish),
        st.one_of(right_rows).map(finish) if right_rows else None,
        _list_programs(reward, words, patterns),
        list_attacks(patterns),
        partial(_make_right_batches, reward, clean, templates, chosen),
    )


@lru_cache(8)  # of a strategy object, which often several rewards are checked with
def _find_forms(completions: SearchStrategy[Any]) -> set[str]:
    # several at once, since an example costs more than what is drawn for it
    several = st.lists(completions, min_size=_MAX_ROWS, max_size=_MAX_ROWS)
    examples = draw_examples(several, _LISTS_TO_FIND_FORMS)
    return {find_form(one) for drawn_list in examples for one in drawn_list}


def _list_programs(reward: Any, words: Sequence[str], patterns: Sequence[str]) -> list[str]:
    if not runs_programs(reward):
        return []
    fenced = any("```" in text for text in (*words, *patterns))
    return list_endless_programs(find_tags(tuple(words)), fenced=fenced)


def _make_right_batches(
    reward: Any,
    columns: Mapping[str, ColumnValues],
    templates: Sequence[PartialTemplate],
    forms: Sequence[str],
    *scores: Score,
) -> list[Rows]:
    """Return one call of 17 right completions with different references for text, one for messages.

    17, since rewards work in chunks of 8 or 16. Of the templates, the first is taken whose text
    earns more with its own reference than with another one.
    """
    carriers = [form for form in ("text", "chat", *forms) if form in CARRIERS and form in forms]
    if not templates or not carriers or not columns:
        return []
    values = {name: make_column_strategy(given, name) for name, given in columns.items()}
    drawn = draw_examples(st.fixed_dictionaries(values), _ROWS_TO_DRAW)
    # scalars first: a list of answers says less, and is not printed in a text as it is
    drawn.sort(key=lambda row: any(isinstance(value, list | tuple) for value in row.values()))
    different = [*{repr(row): row for row in drawn}.values()]
    if len(different) < _TWO_ROWS:
        return []
    # one further from the ninth row on, so that no row has the reference of the chunk's before it
    rows = [different[(at + (at >= _CHUNK_ROWS)) % len(different)] for at in range(_RIGHT_ROWS)]
    batches = []
    for form in dict.fromkeys((carriers[0], carriers[-1])):
        made = [_write_right_batch(reward, rows, template, form) for template in templates]
        usable = [batch for batch in made if batch is not None]
        pays = (each for each in usable if _pays_for_reference(each, *scores))
        chosen = next(pays, None)
        batches += [chosen] if chosen is not None else usable[:1]
    return batches


def _write_right_batch(
    reward: Any, rows: Sequence[Mapping[str, Any]], template: PartialTemplate, form: str
) -> Rows | None:
    drawn: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in rows[0]}
    questions = [f"What is {at}?" for at in range(len(rows))]
    columns = {"prompts": questions, **drawn}
    rights = [_RightCompletion(form, template, row) for row in rows]
    batch = _finish_rows(
        reward,
        {
            "completions": rights,
            "completion_ids": [[at % 7, at % 5, 3] for at in range(len(rows))],
            **columns,
        },
    )
    return batch if count_rows(batch) > 1 else None


def _write_answers(reward: Any, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row with text for boxes and tool calls, as an answer has them."""
    if not isinstance(reward, Component):
        return row
    from rewardkit.audit.rows import write_answers  # noqa: PLC0415 - a large package

    return write_answers([row], [reward])[0]


def _pays_for_reference(batch: Rows, score: Score, score_exchanged: Score) -> bool:
    two = select_rows(batch, [0, 1])
    exchanged = {**select_rows(two, [1, 0]), "completions": two["completions"]}
    with suppress(Exception):  # another template may fit
        own, others = score(two), score_exchanged(exchanged)
        return any(
            one is not None and other is not None and one > other
            for one, other in zip(own, others, strict=True)
        )
    return False


def make_known_calls_strategy(
    right_rows: SearchStrategy[Rows] | None, bounds: tuple[float, float] | None
) -> SearchStrategy[tuple[Rows, Values]] | None:
    """Return a strategy for calls that must earn the maximum, if it is declared and finite."""
    if right_rows is None or bounds is None or not isfinite(bounds[1]):
        return None
    high = float(bounds[1])
    return right_rows.map(lambda rows: (rows, [high] * count_rows(rows)))


def make_text_strategy(
    words: tuple[str, ...], blocks: Sequence[str | TagPair]
) -> SearchStrategy[str]:
    """Return a strategy for texts with these words, and with text in each of the blocks."""
    layouts = [*strategies.LAYOUTS, *([tag] for tag in blocks)]
    return strategies.texts(words=words, layouts=layouts)


def fill_template(template: str, row: Mapping[str, Any]) -> str:
    """Return a reference, written as `template` says: of several right answers, the first."""
    return fill(template, {name: _first_of(value) for name, value in row.items()})


def _first_of(value: Any) -> Any:
    return _first_of(value[0]) if isinstance(value, list | tuple) and value else value


def name_of(target: Any) -> str:
    """Return the name of a reward, verifier or extractor."""
    if isinstance(target, Component) and not isinstance(target, Reward):
        return str(target.registered_name or type(target).__name__)
    return str(getattr(target, "__name__", type(target).__name__))


def _list_column_values(
    reward: Any, given: Mapping[str, ColumnValues], *, clean: bool
) -> dict[str, ColumnValues]:
    """Return the values of every column that a reward reads.

    Raises TypeError if a function requires a column whose values are not known.
    """
    if isinstance(reward, Component):
        declared: dict[str, ColumnValues] = {
            str(column): strategies.column_values(column, also=list_constants(reward), clean=clean)
            for column in component.columns(reward)
        }
        return {**declared, **given}
    for name, parameter in _parameters_of(reward).items():
        required = parameter.default is parameter.empty and parameter.kind in _BY_KEYWORD
        if required and name not in (*_TRAINER_LISTS, *_calls.TRAINER_VALUES, *given):
            raise TypeError(
                f"{name_of(reward)} reads the column {name!r}; give its values:"
                f" columns={{{name!r}: ['42', '7']}}, or a Hypothesis strategy for a value"
            )
    return dict(given)


def _parameters_of(function: Any) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except ValueError:  # some built-in functions have no signature, and may take anything
        return {"columns": inspect.Parameter("columns", inspect.Parameter.VAR_KEYWORD)}


def _split_forms(forms: Sequence[str]) -> dict[str, list[str]]:
    """Return the forms that can be in one batch: plain text alone, and messages together."""
    kinds = {
        "text": [form for form in forms if form == "text"],
        "chat": [form for form in forms if form != "text"],
    }
    return {kind: some for kind, some in kinds.items() if some}


def _guess_templates(reward: Any, columns: Mapping[str, Any]) -> list[PartialTemplate]:
    """Return the usual ways to write a reference."""
    if isinstance(reward, Component):
        names = [
            str(column) for column in component.columns(reward) if column.value_type == Reference
        ]
    else:
        names = [name for name in columns if name not in _TRAINER_LISTS]
    return [usual.replace("*", f"{{{name}}}") for name in names for usual in _USUAL_TEMPLATES]


class _RightCompletion(NamedTuple):
    """A right completion that is not written yet, since it depends on the row around it."""

    form: str
    """Its form."""
    template: PartialTemplate
    """How it is written."""
    columns: Mapping[str, Any]
    """The row's values, without those that no answer can match, such as blanks."""


def _make_right_strategy(
    columns: Mapping[str, ColumnValues], templates: Sequence[PartialTemplate], forms: Sequence[str]
) -> SearchStrategy[_RightCompletion] | None:
    """Return right completions in every form that has a text, if it is known how to write them."""
    if not templates or not forms:
        return None
    values = {name: make_column_strategy(given, name) for name, given in columns.items()}
    return st.builds(
        _RightCompletion,
        st.sampled_from(forms),
        st.sampled_from(templates),
        st.fixed_dictionaries(values),
    )


_LEFT_OUT = object()


def _finish_rows(reward: Any, drawn: Rows) -> Rows:
    """Return a call as a trainer makes it: right completions written, all rows of one form."""
    rows = {name: [*values] for name, values in drawn.items()}
    completions = rows["completions"]
    for row, right in enumerate(completions):
        if isinstance(right, _RightCompletion):
            for name, value in right.columns.items():
                rows.setdefault(name, [None] * len(completions))[row] = value
            values = {name: rows[name][row] for name in rows if name != "completions"}
            written = _write_answers(reward, {**values, "prompt": values.get("prompts")})
            text = _write_right(right.template, written)
            completions[row] = _LEFT_OUT if text is None else CARRIERS[right.form](text)
    kept = [row for row, completion in enumerate(completions) if completion is not _LEFT_OUT]
    # the first row decides; a user's own strategy may mix the forms
    plain = bool(kept) and isinstance(completions[kept[0]], str)
    alike = [row for row in kept if isinstance(completions[row], str) is plain]
    selected = select_rows(rows, alike)
    prompts = [*map(match_prompt, selected["prompts"], selected["completions"])]
    return _accepted_keywords(reward, {**selected, "prompts": prompts})


def _write_right(template: PartialTemplate, row: Mapping[str, Any]) -> str | None:
    return (
        _options.call_template(template, row)
        if callable(template)
        else fill_template(template, row)
    )


def _accepted_keywords(reward: Any, rows: Rows) -> Rows:
    """Return the keywords that a function takes; the law `columns` tries one that it may not."""
    if isinstance(reward, Reward):
        return rows
    parameters = _parameters_of(reward)
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return rows
    return {name: values for name, values in rows.items() if name in (*parameters, "completions")}
