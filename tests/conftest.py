"""Hypothesis's settings, and a fixture for every registered component of a kind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from shapes import ids, one_of_each

settings.register_profile(
    "project",
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("project")


@pytest.fixture(params=one_of_each("reward"), ids=ids)
def any_reward(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=one_of_each("verifier"), ids=ids)
def any_verifier(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=one_of_each("extractor"), ids=ids)
def any_extractor(request: pytest.FixtureRequest) -> Any:
    return request.param
