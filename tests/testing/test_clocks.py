"""Rewards that read the clock, under any name for it, and rewards whose numbers are short."""

from __future__ import annotations

import datetime as dt
import time
from datetime import datetime as moment
from time import time as now

import numpy as np
import pytest
from hypothesis import settings

from rewardkit import testing as kit

QUICK = {"skip": ["pickles", "linear"], "max_examples": 20}


@pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning")  # since 3.12
@pytest.mark.parametrize(
    "clock",
    [
        lambda: dt.datetime.now(dt.UTC).day,
        lambda: moment.now(dt.UTC).day,
        lambda: moment.utcnow().day,  # noqa: DTZ003 - as rewards do
        lambda: moment.today().day,  # noqa: DTZ002 - as rewards do
        lambda: dt.date.today().day,  # noqa: DTZ011 - as rewards do
        lambda: now() // 3600,
        lambda: time.time() // 3600,
        lambda: time.time_ns() // 10**9 // 3600,
        lambda: time.localtime().tm_mday,
        lambda: time.gmtime().tm_mday,
        lambda: time.strftime("%j"),
        lambda: time.clock_gettime(time.CLOCK_REALTIME) // 3600,
    ],
)
def test_another_day_gives_another_value(clock):
    def reward(completions, **_):
        return [float(clock()) for _ in completions]

    with pytest.raises(kit.LawBroken):
        kit.check_reward(reward, laws="deterministic", max_examples=5)


def test_the_clock_is_set_back():
    before = now()
    with kit.shifted_clock():
        assert isinstance(dt.datetime(2024, 1, 1), moment)  # noqa: DTZ001 - local
        ahead = now() - before
        assert moment.now() - moment.fromtimestamp(before) > dt.timedelta(days=1)  # noqa: DTZ005, DTZ006 - local
    assert 90_061 < ahead < 90_061 + 60
    assert 0 <= now() - before < 60
    assert abs(moment.now(dt.UTC).timestamp() - now()) < 60


def test_what_waits_is_not_disturbed():
    before = time.monotonic()
    with kit.shifted_clock():
        assert time.monotonic() - before < 60


def narrow(completions, **_):
    return [np.float32(0.1) if "4" in str(each) else np.float32(0) for each in completions]


WEIGHTS = np.random.default_rng(0).standard_normal((256, 64)).astype(np.float32)


def multiplied(completions, **_):
    raw = [np.frombuffer(text.encode("utf8", "replace"), dtype=np.uint8) for text in completions]
    counted = [np.bincount(each, minlength=256) / (len(each) or 1) for each in raw]
    return np.tanh(np.array(counted).reshape(-1, 256).astype(np.float32) @ WEIGHTS).sum(1)


def test_numbers_of_32_bits_keep_the_laws():
    options = {"forms": "text", "bounds": (0.0, 0.1), "template": "4"}
    assert {"bounds", "maximum"} <= {*kit.check_reward(narrow, **options, **QUICK).held}
    kit.check_reward(multiplied, forms="text", **{**QUICK, "max_examples": settings().max_examples})


def test_numbers_of_64_bits_are_held_to_theirs():
    def reward(completions, **_):
        return [0.1 + 1e-7 for _ in completions]

    with pytest.raises(kit.LawBroken):
        kit.check_reward(reward, bounds=(0.0, 0.1), laws="bounds")
