"""Hypothesis's settings, and a fixture for every registered component of a kind."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from shapes import ids, one_of_each

# type-checked, not run
collect_ignore = ["typing/bad.py", "typing/good.py"]

settings.register_profile(
    "project",
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("ci", settings.get_profile("project"), derandomize=True)
settings.register_profile("long", settings.get_profile("project"), max_examples=600)
settings.load_profile(os.environ.get("TESTS", "ci" if os.environ.get("CI") else "project"))


@pytest.fixture(params=one_of_each("reward"), ids=ids)
def any_reward(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=one_of_each("verifier"), ids=ids)
def any_verifier(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=one_of_each("extractor"), ids=ids)
def any_extractor(request: pytest.FixtureRequest) -> Any:
    return request.param
