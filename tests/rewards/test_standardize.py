from __future__ import annotations

import pickle
from statistics import NormalDist
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.rewards import Length, Standardize


def at(step):
    return SimpleNamespace(global_step=step)


def texts(*lengths):
    return ["a" * length for length in lengths]


def build(**fields):
    return Standardize(reward=Length(target=0, name="length"), name="z", **fields)


@given(lengths=st.lists(st.integers(0, 50), min_size=2, max_size=8))
def test_a_batch_alone_is_compared_with_itself(lengths):
    values = build()(completions=texts(*lengths))
    if len(set(lengths)) == 1:
        assert values == [0.0] * len(lengths)
        return
    usual = NormalDist.from_samples([-float(length) for length in lengths])
    assert values == pytest.approx([usual.zscore(-length) for length in lengths])


def test_the_last_steps_count():
    reward = build(window=2)
    for step, lengths in enumerate([(100, 900), (1, 2), (3, 4)]):
        metrics = {}
        values = reward(
            completions=texts(*lengths), trainer_state=at(step), log_metric=metrics.__setitem__
        )
    usual = NormalDist.from_samples([-1.0, -2.0, -3.0, -4.0])
    assert values == pytest.approx([usual.zscore(-3.0), usual.zscore(-4.0)])
    assert metrics["z/mean"] == -2.5
    assert metrics["z/deviation"] == pytest.approx(usual.stdev)


def test_a_step_that_is_repeated_counts_once():
    reward = build()
    reward(completions=texts(5, 6), trainer_state=at(0))
    first = reward(completions=texts(1, 2), trainer_state=at(1))
    assert reward(completions=texts(1, 2), trainer_state=at(1)) == first
    # a run that is resumed from an earlier step forgets the later ones
    alone = build()(completions=texts(7, 9), trainer_state=at(0))
    assert reward(completions=texts(7, 9), trainer_state=at(0)) == alone


def test_what_it_saw_is_no_part_of_it():
    seen, new = build(), build()
    seen(completions=texts(1, 5), trainer_state=at(3))
    assert seen == new
    assert hash(seen) == hash(new)
    assert rk.dump(seen) == rk.dump(new)
    copy = pickle.loads(pickle.dumps(seen))
    values = copy(completions=texts(2, 4), trainer_state=at(4))
    assert values == new(completions=texts(2, 4), trainer_state=at(4))


def test_skipped_rows_are_skipped():
    reward = Standardize(
        reward=rk.wrap(lambda completions, **_: [1.0, None, 3.0], bounds=(0, 5), name="f")
    )
    assert reward(completions=["a", "b", "c"]) == pytest.approx([-(0.5**0.5), None, 0.5**0.5])
    nothing = Standardize(reward=rk.wrap(lambda completions, **_: [None], bounds=(0, 5), name="f"))
    assert nothing(completions=["a"]) == [None]


def test_one_value_has_no_deviation():
    assert build()(completions=["a"]) == [0.0]
