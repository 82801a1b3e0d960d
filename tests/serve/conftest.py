"""Let the servers of these tests start their workers as forks; those of the command import."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rewardkit._workers import parallel


@pytest.fixture(scope="module", autouse=True)
def _fork_workers(fork_server: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "subprocess", fork_server)
        yield
