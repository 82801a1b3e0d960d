from __future__ import annotations

import inspect
import math
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit import reward as reward_module
from rewardkit.reward import Linear, Product
from rewardkit.rewards import Clip, Correct, Guard, Length, RegexMatch, Schedule, Where, wrappers
from rewardkit.verify import Number


class Given(rk.Reward):
    """Scores each completion with the number it contains; abstains on "none"."""

    low: float = -10.0
    high: float = 10.0

    @property
    def bounds(self) -> tuple[float, float]:
        return self.low, self.high

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        return [rk.Score(None if text == "none" else float(text)) for text in batch.texts]


class Rank(rk.Reward):
    """Depends on other rows of the batch: the number of shorter completions."""

    pointwise = False

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        lengths = [len(text) for text in batch.texts]
        return [rk.Score(float(sum(other < own for other in lengths))) for own in lengths]


class Fixed(rk.Reward):
    values: tuple[float | None, ...] = ()

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        return [rk.Score(value) for value in self.values]


class Odd(rk.Reward):
    """Returns an invalid value for the first row and 1 for the others."""

    value: str = "nan"

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        return [rk.Score(1.0 if row else float(self.value)) for row in range(len(batch))]


one = Given(name="one")
length = rk.build("length", target=0, penalty=1.0, name="length")


def test_a_sum_weighs_its_terms_and_adds_its_bias():
    total = one + 0.5 * length - 2.0
    assert isinstance(total, Linear)
    assert (total.terms, total.weights, total.bias) == ((one, length), (1.0, 0.5), -2.0)
    assert total(completions=["3", "10"]) == [3 - 0.5 - 2, 10 - 1 - 2]
    assert (one - length)(completions=["3"]) == [4.0]
    assert (1 - one)(completions=["3"]) == [-2.0]
    assert sum([one, length])(completions=["3"]) == [2.0]


def test_a_reward_divides_by_a_number_and_has_an_opposite():
    assert length / 2 == 0.5 * length
    assert -length == -1.0 * length
    assert (-(one + 3.0 * length) / 4).weights == (-0.25, -0.75)
    assert (-length).bounds == (0.0, math.inf)
    assert ((one + 1.0) / 2)(completions=["3"]) == [2.0]
    for divisor, shown in (
        (one, "Given(name='one') (Given)"),
        ("2", "'2' (str)"),
        (None, "None (NoneType)"),
    ):
        message = re.escape(f"cannot divide length by {shown}, expected a number")
        with pytest.raises(TypeError, match=message):
            length / divisor
    with pytest.raises(ZeroDivisionError):
        length / 0


def test_sums_are_flat_unless_they_have_a_name():
    total = 2 * (one + 0.5 * length + 1.0) - one
    assert (total.terms, total.weights, total.bias) == ((one, length, one), (2.0, 1.0, -1.0), 2.0)
    named = Linear(terms=(one, length), name="format")
    assert (named + one).terms == (named, one)
    assert (one * length * one) == Product(terms=(one, length, one))


def test_only_rewards_and_numbers_compose():
    for compose in (lambda: one + "1", lambda: one * "1", lambda: one - None):
        with pytest.raises(TypeError, match="expected a reward or a number"):
            compose()


def test_abstention():
    assert (one + length)(completions=["none", "1"]) == [-4.0, 0.0]
    assert (one + one)(completions=["none"]) == [None]
    assert (one + 5.0)(completions=["none"]) == [None]
    assert (one * length)(completions=["none", "1"]) == [None, -1.0]
    assert Clip(reward=one, low=0)(completions=["none", "-1"]) == [None, 0.0]
    assert Schedule(reward=one, points=((0, 2.0),))(completions=["none", "1"]) == [None, 2.0]
    assert Guard(reward=one)(completions=["none", "1"]) == [None, 1.0]


def test_where_scores_only_the_rows_that_match():
    math_only = Where(reward=one, column="task", equals="math")
    assert math_only(completions=["7", "no number"], task=["math", "code"]) == [7.0, None]
    assert math_only(completions=["no number"], task=["code"]) == [None]
    mixed = math_only + Where(reward=length, column="task", equals="code")
    assert mixed(completions=["7", "no number"], task=["math", "code"]) == [7.0, -9.0]


class State:
    def __init__(self, step):
        self.global_step = step


@pytest.mark.parametrize(
    ("step", "weight"), [(0, 1.0), (10, 1.0), (15, 2.0), (20, 3.0), (30, 1.5), (40, 0.0), (99, 0.0)]
)
def test_a_schedule_follows_the_step(step, weight):
    ramp = Schedule(reward=one, points=((10, 1.0), (20, 3.0), (40, 0.0)))
    assert ramp(completions=["2"], trainer_state=State(step)) == [2 * weight]
    assert ramp(completions=["2"]) == [0.0]


def test_a_guard_tries_again_row_by_row_and_counts():
    logged = {}
    guard = Guard(reward=one)
    values = guard(completions=["1", "oops", "3"], log_metric=logged.__setitem__)
    assert values == [1.0, None, 3.0]
    assert logged == {f"{guard.__name__}/one/errors": 1.0}
    assert Guard(reward=one, on_error=-1.0)(completions=["oops"]) == [-1.0]
    guard(completions=["1"], log_metric=logged.__setitem__)
    assert logged == {f"{guard.__name__}/one/errors": 0.0}, "a mean over steps needs the zeros"


def test_a_guard_gives_up_on_the_whole_batch_where_rows_depend_on_each_other():
    class Fragile(rk.Reward):
        pointwise = False

        def score(self, batch: rk.Batch) -> list[rk.Score]:
            raise RuntimeError

    assert Guard(reward=Fragile())(completions=["1", "2"]) == [None, None]


def test_a_guard_lets_a_missing_column_through():
    with pytest.raises(LookupError, match="no column 'answer'"):
        Guard(reward=rk.build("correct", verifier="exact"))(completions=["1"])


def test_what_a_reward_raises_propagates_with_the_innermost_name():
    with pytest.raises(ValueError, match="could not convert") as caught:
        (length + one)(completions=["oops"])
    assert caught.value.__notes__ == ["raised while one scored 1 completion"]


def test_a_wrong_number_of_scores_is_named():
    with pytest.raises(ValueError, match="Fixed gave 0 scores for 1 completion"):
        Fixed()(completions=["1"])
    with pytest.raises(ValueError, match="Fixed gave 0 scores for 1 completion"):
        (one + Fixed())(completions=["1"])


def test_nan_abstains_and_an_infinity_raises():
    assert Odd()(completions=["a", "b"]) == [None, 1.0]
    with pytest.raises(
        ValueError, match=r"gave inf for row 0; Clip\(reward=..., low=..., high=...\) keeps"
    ):
        Odd(value="inf")(completions=["a", "b"])


def test_nan_is_left_out_of_a_sum():
    logged = {}
    total = Linear(terms=(one, Odd()), name="t")
    assert total(completions=["1", "2"], log_metric=logged.__setitem__) == [1.0, 3.0]
    assert logged == {"t/one": 1.5, "t/Odd": 1.0}


def test_a_call_without_completions_or_with_one_string():
    with pytest.raises(
        TypeError, match=r"one needs completions=.*dataset columns given: completion"
    ):
        one(completion=["1"])
    with pytest.raises(TypeError, match=r"got the string '12' as completions, expected a list"):
        one(completions="12")


def test_completions_may_come_by_position_and_nothing_else():
    kwargs = {"trainer_state": None, "messages": [[]] * 2}
    assert one(["1", "2"], **kwargs) == one(completions=["1", "2"], **kwargs)
    queries, prompts, labels = ["2+2?4"], ["2+2?"], ["4"]
    for arguments in ([prompts, queries], [queries, prompts, labels]):
        expected = (
            rf"one got {len(arguments)} arguments by position, expected the completions alone"
        )
        with pytest.raises(TypeError, match=expected):
            one(*arguments)


def test_an_invalid_score_is_named():
    class Floats(rk.Reward):
        def score(self, batch: rk.Batch) -> list[rk.Score]:
            return [1.0] * len(batch)

    wrapped = [Clip(reward=Floats()), Schedule(reward=Floats(), points=((0, 1.0),))]
    for reward in (Floats(), one + Floats(), *wrapped):
        with pytest.raises(
            TypeError, match=r"Floats gave 1.0 \(float\) for row 0, expected rk.Score"
        ):
            reward(completions=["1"])


def test_a_wrapper_blames_the_reward_inside_and_a_value_must_be_a_number():
    for reward in (Clip(reward=Fixed()), Where(reward=Fixed(), column="c", equals=1)):
        with pytest.raises(ValueError, match=r"^Fixed gave 0 scores for 1 completion"):
            reward(completions=["1"], c=[1])

    class Words(rk.Reward):
        def score(self, batch: rk.Batch) -> list[rk.Score]:
            return [rk.Score("much")]

    with pytest.raises(TypeError, match=r"Words gave Score\(value='much'.*for row 0"):
        Words()(completions=["1"])
    with pytest.raises(TypeError, match=r"Nothing gave a NoneType, expected a list of rk\.Score"):
        type("Nothing", (rk.Reward,), {"score": lambda self, batch: None})()(completions=["1"])


class Values(rk.Reward):
    """Returns the values of a column as scores."""

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        return [rk.Score(value) for value in batch.column("value")]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("odd", ["", [], (1.0,), 1j, b"1", {}, Decimal(1), "an array"])
def test_a_value_that_is_not_a_number_is_refused(odd, rows):
    if odd == "an array":  # whose comparison gives an array, not a bool
        odd = pytest.importorskip("numpy").ones(2)
    for column in ([odd] * rows, [0.0] * rows + [odd], [odd, *[0.0] * rows]):
        row = next(row for row, value in enumerate(column) if value is odd)
        with pytest.raises(TypeError, match=rf"Values gave Score\(.*for row {row}, expected rk"):
            Values()(completions=["a"] * len(column), value=column)


@pytest.mark.parametrize("odd", [(1.0, ""), Decimal(1), 1 + 0j])
def test_rows_equal_to_the_first_are_checked_like_it(odd):
    class Alike(rk.Reward):
        def score(self, batch: rk.Batch) -> list[rk.Score]:
            return [rk.Score(1.0), odd if isinstance(odd, tuple) else rk.Score(odd)]

    for reward in (Alike(), 1.0 * Alike(), Clip(reward=Alike())):
        values = reward(completions=["a", "b"])
        assert values == [1.0, 1.0]
        assert {*map(type, values)} == {float}


def test_numbers_of_any_size_and_kind_are_weighed():
    assert Values()(completions=["a"], value=[10**400]) == [10**400]
    assert (2.0 * Values())(completions=["a", "b"], value=[Fraction(1, 2), 1]) == [1.0, 2.0]


@pytest.mark.parametrize("others", [[], [math.nan], [None, 0.5], [1e308] * 3])
def test_infinities_and_nan_are_seen_among_any_others(others):
    size = len(others) + 2
    for odd in (math.inf, -math.inf):
        with pytest.raises(ValueError, match=rf"Values gave {odd} for row {size - 2}"):
            Values()(completions=["a"] * size, value=[*others, odd, -odd])
    given = [math.nan, *others, math.nan]
    assert Values()(completions=["a"] * size, value=given) == [
        None if value is None or math.isnan(value) else value for value in given
    ]


def test_numbers_of_any_kind_are_values():
    numpy = pytest.importorskip("numpy")
    column = [True, 2, Fraction(1, 2), numpy.float32(0.25), numpy.int64(3)]
    for values in (column, *([value] * 2 for value in column)):
        assert Values()(completions=["a"] * len(values), value=values) == values


def test_a_guard_takes_an_infinity_for_an_error_and_lets_a_missing_package_through():
    assert Guard(reward=Odd(value="inf"), on_error=-1.0)(completions=["a", "b"]) == [-1.0, -1.0]

    class Needs(rk.Reward):
        def score(self, batch: rk.Batch) -> list[rk.Score]:
            raise ImportError

    with pytest.raises(ImportError):
        Guard(reward=Needs())(completions=["a"])


def test_term_means_go_to_the_metrics_raw():
    logged = {}
    total = Linear(
        terms=(one, Schedule(reward=length, points=((0, 0.0),))), weights=(3.0, 1.0), name="t"
    )
    total(completions=["1", "none", "3"], log_metric=logged.__setitem__)
    assert logged["t/one"] == 2.0
    assert logged["t/length"] == -2.0
    assert total(completions=["1"]) == [3.0]


def test_the_why_goes_to_the_table_only_when_asked_for():
    extra = {}
    quiet, loud = one + length, Linear(terms=(one, length), name="t", log_why=True)
    quiet(completions=["1"], log_extra=extra.__setitem__)
    assert extra == {}
    loud(completions=["1", "none"], log_extra=extra.__setitem__)
    assert extra == {
        "t/why": ["one 1; length -1 (1 characters)", "one abstains; length -4 (4 characters)"]
    }


def test_pointwise_follows_the_tree():
    assert (one + length).pointwise
    assert not (one + Rank()).pointwise
    assert not Guard(reward=Clip(reward=one * Rank())).pointwise

    class Nested(rk.Reward):
        parts: tuple[tuple[rk.Reward, float], ...]

        def score(self, batch: rk.Batch) -> list[rk.Score]:
            return self.parts[0][0].score(batch)

    assert not Nested(parts=((Rank(), 1.0),)).pointwise


def test_reads_prompt_follows_the_tree():
    class Copies(rk.Reward):
        reads_prompt = True

        def score(self, batch: rk.Batch) -> list[rk.Score]:
            texts = enumerate(batch.texts)
            return [rk.Score(float(batch.prompt_text(row) in text)) for row, text in texts]

    def asks(completions, prompts, other, **_):
        return [1.0 for _ in prompts]

    reading = [Copies(), Rank(), 2 * Copies() + one, Clip(reward=one * Rank()), rk.wrap(asks)]
    assert [reward.reads_prompt for reward in reading] == [True] * 5
    # of the whole batch, which no prompt divides
    over_batch = rk.rewards.Standardize(reward=length)
    alone = [one, one + length, over_batch, over_batch + one]
    assert [reward.reads_prompt for reward in alone] == [False] * 4
    assert rk.Scorer(Copies() + rk.wrap(asks)).columns == ("other", "prompt")
    with pytest.raises(TypeError, match=r"Odd.reads_prompt is 1, expected True or False"):
        type("Odd", (rk.Reward,), {"reads_prompt": 1, "score": Constant.score})


@pytest.mark.parametrize("shown", [True, False])
def test_a_judge_reads_the_prompt_unless_it_is_not_shown(shown):
    judge = rk.build(
        "judge",
        criteria={"right": {"ask": "Right?", "choices": {"yes": 1.0, "no": 0.0}}},
        model="m",
        show_prompt=shown,
    )
    model = rk.build("reward_model", model="m", show_prompt=shown)
    assert [judge.reads_prompt, model.reads_prompt, Clip(reward=judge).reads_prompt] == [shown] * 3


@pytest.mark.parametrize(
    ("reward", "bounds"),
    [
        (Given(low=0, high=2) + Given(low=-1, high=1), (-1, 3)),
        (Given(low=0, high=2) - 2 * Given(low=-1, high=1) + 5.0, (3, 9)),
        (2 * Given(low=1, high=2), (2, 4)),
        (Given(low=1, high=2) + Given(low=1, high=2), (0, 4)),
        (Given(low=-2, high=3) * Given(low=-1, high=4), (-8, 12)),
        (0.0 * length, (0, 0)),
        (Clip(reward=length, low=-5), (-5, 0)),
        (Schedule(reward=Given(low=0, high=2), points=((0, -1.0), (9, 3.0))), (-2, 6)),
        (Guard(reward=Given(low=0, high=2), on_error=-1.0), (-1, 2)),
        (Where(reward=Given(low=0, high=2), column="c", equals=1), (0, 2)),
        (length, (-math.inf, 0)),
    ],
)
def test_bounds_follow_the_fields(reward, bounds):
    assert reward.bounds == bounds


TREES = st.recursive(
    st.builds(Given, low=st.just(-10.0), high=st.just(10.0)),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1]),
        st.tuples(inner, st.integers(-3, 3)).map(lambda pair: pair[1] * pair[0] + 1.0),
        inner.map(lambda reward: Clip(reward=reward, low=-4.0, high=20.0)),
        inner.map(lambda reward: Schedule(reward=reward, points=((0, 1.0), (9, -2.0)))),
        inner.map(lambda reward: Guard(reward=reward, on_error=0.5)),
    ),
    max_leaves=5,
)


@given(
    reward=TREES,
    texts=st.lists(st.one_of(st.just("none"), st.integers(-10, 10).map(str)), max_size=4),
)
def test_no_tree_leaves_its_bounds_or_changes_in_order(reward, texts):
    low, high = reward.bounds
    values = reward(completions=texts, trainer_state=State(3))
    assert all(value is None or low - 1e-6 <= value <= high + 1e-6 for value in values)
    assert reward(completions=texts[::-1], trainer_state=State(3)) == values[::-1]


def test_two_frames_are_between_the_trainer_and_a_leaf():
    depths = []

    class Leaf(rk.Reward):
        def score(self, batch: rk.Batch) -> list[rk.Score]:
            depths.append(len(inspect.stack(0)))
            return [rk.Score(0.0)] * len(batch)

    here = len(inspect.stack(0))
    Leaf()(completions=["a"])
    (Leaf() + one)(completions=["1"])
    assert depths == [here + 2, here + 3]


def test_names_say_what_differs_from_the_defaults():
    assert rk.build("xml_count").__name__ == "xml_count"
    assert rk.build("xml_count", value=0.25).__name__ == "xml_count.value:0.25"
    assert rk.build("xml_count", value=0.25, name="mine").__name__ == "mine"
    nested = rk.build("correct", verifier={"type": "number", "rel_tol": 0.1}, extractor="boxed")
    assert nested.__name__ == "correct.number.boxed"
    long, longer = (rk.build("regex_match", pattern="x" * size) for size in (500, 501))
    assert len(long.__name__) <= 60
    assert long.__name__ != longer.__name__


def test_default_names_of_sums_and_wrappers_are_readable():
    right = Correct(verifier=Number(), name="right")
    brief = Clip(reward=Length(target=400), low=-0.5)
    assert brief.__name__ == "clip.length.low:-0.5"
    assert (right + 0.5 * brief).__name__ == "sum.right.clip"
    assert (right * brief).__name__ == "product.right.clip"
    assert re.fullmatch(r"regex_match\.pattern:_d_-[0-9a-f]{5}", RegexMatch(pattern="[d]").__name__)
    assert RegexMatch(pattern="[d]").__name__ != RegexMatch(pattern="(d)").__name__
    with pytest.raises(ValueError, match=r"got 'a \[b\]', expected only letters, digits"):
        Length(target=1, name="a [b]")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (len, r"got the function len, expected a reward or a number; wrap it: rk.wrap\(len"),
        (Length, r"got the class Length, expected an instance: Length\(\.\.\.\)"),
        (Number(), r"got the verifier 'number', expected a reward; Correct\(verifier=\.\.\."),
        ("x", r"got 'x' \(str\), expected a reward or a number"),
    ],
)
def test_adding_an_unsupported_object_is_explained(other, message):
    for combine in (lambda: one + other, lambda: other + one, lambda: one * other):
        with pytest.raises(TypeError, match=message):
            combine()


def test_score_without_a_batch_is_explained():
    reward = Length(target=4)
    assert [score.value for score in reward.score(rk.Batch.of("four"))] == [0.0]
    for call in (lambda: reward.score(["four"]), lambda: reward.score(completions=["four"])):
        with pytest.raises(TypeError, match=r"score takes one rk.Batch: score\(rk.Batch.of"):
            call()


class Constant(rk.Reward):
    bounds = (0.0, 1.0)
    pointwise = False

    def score(self, batch: rk.Batch) -> list[rk.Score]:
        return [rk.Score(1.0)] * len(batch)


def test_bounds_and_pointwise_are_declared_on_the_class():
    assert Constant().bounds == (0.0, 1.0)
    assert not Constant().pointwise
    assert (Constant() + 1.0).bounds == (1.0, 2.0)
    assert not (Constant() + one).pointwise
    message = "Typed.bounds has a type, which makes it a field"
    with pytest.warns(UserWarning, match="shadows"), pytest.raises(TypeError, match=message):

        class Typed(rk.Reward):
            bounds: tuple[float, float] = (0.0, 1.0)

            def score(self, batch: rk.Batch) -> list[rk.Score]:
                return []


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"bounds": (1.0, 0.0)}, r"Odd.bounds is \(1.0, 0.0\), expected \(low, high\)"),
        ({"bounds": 1.0}, r"Odd.bounds is 1.0, expected \(low, high\)"),
        ({"pointwise": "no"}, "Odd.pointwise is 'no', expected True or False"),
    ],
)
def test_odd_bounds_and_pointwise_are_refused(declared, message):
    with pytest.raises(TypeError, match=message):
        type("Odd", (rk.Reward,), {**declared, "score": Constant.score})


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (rk.Score("1.0"), r"; the value is '1.0' \(str\), not a number or None\n"),
        (rk.Score(1.0, 3), r"; the why is 3 \(int\), not a string\n"),
    ],
)
def test_the_wrong_half_of_a_score_is_named(score, message):
    class Odd(rk.Reward):
        def score(self, batch: rk.Batch) -> list[rk.Score]:
            return [score] * len(batch)

    with pytest.raises(TypeError, match=message):
        (one + Odd())(completions=["1"])


def test_a_score_that_takes_no_batch_is_refused_with_its_class():
    with pytest.raises(
        TypeError, match=r"Mine.score takes \(self, prompts, completions\), expected"
    ):

        class Mine(rk.Reward):
            def score(self, prompts, completions):
                return [rk.Score(1.0)] * len(completions)

    with pytest.raises(TypeError, match=r"Bare.score takes \(batch\), expected \(self, batch\)"):

        class Bare(rk.Reward):
            def score(batch):  # noqa: N805 - the mistake
                return [rk.Score(1.0)] * len(batch)

    with pytest.raises(TypeError, match=r"Later.score is async, expected a plain method"):

        class Later(rk.Reward):
            async def score(self, batch):
                return [rk.Score(1.0)] * len(batch)

    class More(rk.Reward):
        def score(self, batch, scale=2.0):
            return [rk.Score(scale)] * len(batch)

    assert More()(completions=["1"]) == [2.0]


def test_a_tensor_in_a_score_is_explained():
    class Boxes(rk.Reward):
        def score(self, batch: rk.Batch) -> list[rk.Score]:
            return [rk.Score(np.array([1.0]))] * len(batch)

    with pytest.raises(TypeError, match=r"an array or a tensor: write Score\(value.item\(\)\)"):
        Boxes()(completions=["a"])


def test_pickles_that_name_the_wrappers_by_their_old_module_still_load():
    for name in ("Clip", "Where", "Schedule", "Guard"):
        assert getattr(reward_module, name) is getattr(wrappers, name)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        reward_module.Nothing  # noqa: B018 - that it raises is the test
