"""Plain functions as rewards."""

from __future__ import annotations

import asyncio
import math
import pickle

import pytest

import rewardkit as rk
from rewardkit.rewards import Clip, Length


def shouts(completions, **columns):
    return [float(text.isupper()) for text in completions]


def answers(prompts, completions, answer, trainer_state, log_metric, **others):
    assert set(others) == {"completion_ids", "log_extra"}
    log_metric("step", trainer_state.global_step or 0)
    return [1.0 if text == right else None for text, right in zip(completions, answer, strict=True)]


async def slowly(completions, **columns):
    await asyncio.sleep(0)
    return [math.nan for _ in completions]


def test_a_function_becomes_a_term_a_factor_and_a_wrapped_reward():
    reward = rk.wrap(shouts, bounds=(0.0, 1.0))
    assert reward.__name__ == "shouts"
    assert reward.bounds == (0.0, 1.0)
    assert reward.pointwise
    total = reward + Length(target=2, penalty=0.5)
    assert total(completions=["OH", "oh!"]) == [1.0, -0.5]
    assert total.__name__ == "sum.shouts.length"
    assert (reward * Length(target=0))(completions=["OH", "oh"]) == [-2.0, 0.0]
    assert Clip(reward=reward, high=0.5)(completions=["OH"]) == [0.5]


def test_a_function_gets_trls_arguments():
    reward = rk.wrap(answers, pointwise=False)
    logged = {}
    values = reward(
        prompts=["p", "q"],
        completions=["4", "5"],
        completion_ids=[[1], [2]],
        answer=["4", "4"],
        log_metric=logged.__setitem__,
    )
    assert values == [1.0, None]
    assert logged == {"answers/step": 0}
    assert not reward.pointwise
    assert reward.bounds == (-math.inf, math.inf)


def test_an_async_function_works_outside_and_inside_an_event_loop():
    reward = rk.wrap(slowly)
    assert reward(completions=["a"]) == [None]

    async def inside():
        return reward(completions=["a", "b"])

    assert asyncio.run(inside()) == [None, None]


def test_invalid_return_values_of_a_function():
    with pytest.raises(ValueError, match="endless gave 1 value for 2 completions"):
        rk.wrap(lambda completions, **_: [1.0], name="endless")(completions=["a", "b"])
    with pytest.raises(
        ValueError, match="gave inf, which would spread over its whole group in training"
    ):
        rk.wrap(lambda completions, **_: [math.inf], name="endless")(completions=["a"])
    with pytest.raises(ZeroDivisionError):
        rk.wrap(lambda completions, **_: 1 / 0, name="endless")(completions=["a"])


def test_what_cannot_be_wrapped_and_what_cannot_be_dumped():
    with pytest.raises(TypeError, match=r"got 3 \(int\), expected a function"):
        rk.wrap(3)
    with pytest.raises(TypeError, match="is a reward already, expected a function; use it as it"):
        rk.wrap(Length(target=1))
    with pytest.raises(TypeError, match=r"got the class Length, expected an instance: Length"):
        rk.wrap(Length)
    with pytest.raises(ValueError, match="shouts is a plain function, which YAML cannot hold"):
        rk.dump(rk.wrap(shouts))
    with pytest.raises(TypeError, match="shouts is a plain function, which YAML cannot hold"):
        rk.dump([Length(target=1), shouts])
    with pytest.raises(TypeError, match=r"got bounds=1, expected two numbers: bounds=\(0.0, 1.0\)"):
        rk.wrap(shouts, bounds=1)
    with pytest.raises(ValueError, match="expected the lower one first"):
        rk.wrap(shouts, bounds=(1, 0))
    with pytest.raises(
        TypeError, match=r"shouts gave None \(NoneType\), expected a list of values"
    ):
        rk.wrap(lambda completions, **_: None, name="shouts")(completions=["a"])
    assert rk.wrap(lambda completions, **_: [0.0]).__name__ == "_lambda_"


def test_it_pickles_if_the_function_does():
    reward = rk.wrap(shouts, bounds=(0.0, 1.0))
    assert pickle.loads(pickle.dumps(reward)) == reward


@pytest.mark.parametrize("function", [lambda completions: [0.0], lambda completions, answer: [0.0]])
def test_a_function_that_no_trainer_can_call_is_refused_before_training(function):
    with pytest.raises(TypeError, match=r"takes only some keywords, .*; add \*\*columns to its"):
        rk.wrap(function)
