"""The three checks: each builds a Subject from its options, and tries every law on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rewardkit.testing._calls import DEFAULT_TIMEOUT
from rewardkit.testing._forms import FORMS
from rewardkit.testing._replay import scripts

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from rewardkit.extract import Extractor
    from rewardkit.reward import Reward
    from rewardkit.testing._drawing import ColumnValues
    from rewardkit.testing._findings import Checked
    from rewardkit.testing._inputs import PartialTemplate
    from rewardkit.verify.base import Verifier

# Each check begins with `begin_check`: a script that another process runs again ends there, and so
# is spared the import of Hypothesis.
# In every check `__tracebackhide__` keeps pytest from showing its frames: the message is enough.


def check_reward(  # noqa: PLR0913 - options are keywords
    reward: Reward | Callable[..., Any],
    *,
    columns: Mapping[str, ColumnValues] | None = None,
    completions: SearchStrategy[Any] | None = None,
    forms: str | Iterable[str] = FORMS,
    bounds: tuple[float, float] | None = None,
    pointwise: bool | None = None,
    template: PartialTemplate | None = None,
    laws: Iterable[str] | None = None,
    skip: Iterable[str] = (),
    max_examples: int | None = None,
    deadline: float | None = None,
    timeout: float | None = DEFAULT_TIMEOUT,
) -> Checked:
    """Check the laws of a reward: rewardkit's own, or any callable with TRL's signature.

    `columns` are the dataset's columns: a strategy for the values, or a list to draw them from; a
    component's own columns are filled automatically. `completions` are drawn from all `forms`
    (`text`, `chat`, `parts`, `turns`, `tools`, `empty`) unless a strategy is given. `bounds` and
    `pointwise` declare for a function what a component declares itself; a function is taken to be
    pointwise. With `template`, the reference written in that way must earn the maximum, and a third
    of the rows are written that way.

    `laws` and `skip` choose laws by name. `max_examples` and `deadline` (milliseconds for all laws
    on one example) are Hypothesis's; the first defaults to its profile. A call is killed after
    `timeout` seconds of processor time, or 5 times so many if it waits, and the check goes on;
    None makes the calls in this process, without a limit. Raises LawBroken, an
    AssertionError, with the smallest example for each law that fails and a program that shows it;
    ValueError and TypeError for options that do not fit or leave no law.

    >>> def longest(completions, **columns):
    ...     return [float(len(text) == max(map(len, completions))) for text in completions]
    >>> check_reward(longest, forms="text", laws=["pointwise"])
    Traceback (most recent call last):
        ...
    rewardkit.testing.LawBroken: longest: 1 of 1 laws failed
    ...
    >>> check_reward(longest, forms="text", laws=["finite", "row_order"]).held
    ('finite', 'row_order')
    """
    __tracebackhide__ = True
    scripts.begin_check()
    from rewardkit.testing import _inputs, _subjects, _trial  # noqa: PLC0415 - as said above

    inputs = _inputs.make_reward_inputs(
        reward, columns, completions, forms=forms, template=template
    )
    subject = _subjects.make_reward_subject(reward, inputs, bounds=bounds, pointwise=pointwise)
    return _trial.run_laws(replace(subject, timeout=timeout), laws, skip, max_examples, deadline)


def check_verifier(  # noqa: PLR0913 - the same
    verifier: Verifier | Callable[..., Any],
    *,
    answers: SearchStrategy[str | None] | None = None,
    references: ColumnValues | None = None,
    right: SearchStrategy[tuple[str, Any]] | None = None,
    wrong: SearchStrategy[tuple[str, Any]] | None = None,
    laws: Iterable[str] | None = None,
    skip: Iterable[str] = (),
    max_examples: int | None = None,
    deadline: float | None = None,
    timeout: float | None = DEFAULT_TIMEOUT,
) -> Checked:
    """Check the laws of a verifier: rewardkit's own, or a function like `verify`.

    It is called with `answers` and `references`, by default any texts and values, and references as
    their own answers. `right` are pairs of an answer and a reference that must be judged correct,
    `wrong` those that must not be. Numbers near a reference must not be either, by default.
    Skip the law `reflexive` if references are not answers, such as tests for a program. The other
    options and the errors are those of `check_reward`.

    >>> from rewardkit.verify import Exact
    >>> check_verifier(Exact(), laws=["right_answers", "wrong_answers"]).skipped
    ... # doctest: +NORMALIZE_WHITESPACE
    {'right_answers': 'it takes right=, pairs of an answer and a reference',
    'wrong_answers': 'it takes wrong=, pairs of an answer and a reference'}
    """
    __tracebackhide__ = True
    scripts.begin_check()
    from rewardkit.testing import _subjects, _trial  # noqa: PLC0415 - the same

    subject = _subjects.make_verifier_subject(verifier, answers, references, right, wrong)
    return _trial.run_laws(replace(subject, timeout=timeout), laws, skip, max_examples, deadline)


def check_extractor(  # noqa: PLR0913 - the same
    extractor: Extractor | Callable[[str], str | None],
    *,
    texts: SearchStrategy[str] | None = None,
    template: str | None = None,
    answers: SearchStrategy[str] | None = None,
    missing: ColumnValues | None = None,
    laws: Iterable[str] | None = None,
    skip: Iterable[str] = (),
    max_examples: int | None = None,
    deadline: float | None = None,
    timeout: float | None = DEFAULT_TIMEOUT,
) -> Checked:
    r"""Check the laws of an extractor: rewardkit's own, or a function of a text.

    It is called with `texts`, by default any. With `template`, a text with `{answer}` in it, each
    of the `answers` (by default numbers) must be found in that text as it is; texts of
    `missing` must give None. Without them, an answer between the extractor's own tags or in a box
    must not be cut, and what is found in a text without an answer must not be blank or made up. The
    other options and the errors are those of `check_reward`.

    >>> from rewardkit.extract import Boxed
    >>> template = r"\boxed{{answer}}"
    >>> "finds_answer" in check_extractor(Boxed(), template=template, max_examples=20).held
    True
    """
    __tracebackhide__ = True
    scripts.begin_check()
    from rewardkit.testing import _subjects, _trial  # noqa: PLC0415 - the same

    subject = _subjects.make_extractor_subject(extractor, texts, template, answers, missing)
    return _trial.run_laws(replace(subject, timeout=timeout), laws, skip, max_examples, deadline)
