"""Let the servers of these tests start their workers as forks; those of the command import."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from forked_workers import ForkServer


@pytest.fixture(scope="module", autouse=True)
def _fork_workers(fork_server: ForkServer) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        fork_server.fork_workers(patch)
        yield
