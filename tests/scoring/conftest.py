"""Keep pandas out of the processes that these tests start."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

_CODE = """
import sys

class WithoutPandas:
    def find_spec(name, path=None, target=None):
        if name == "pandas":
            raise ModuleNotFoundError("kept out of the tests' processes", name=name)

sys.meta_path.insert(0, WithoutPandas)
"""


@pytest.fixture(scope="module", autouse=True)
def _start_without_pandas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    # pyarrow imports pandas where it is installed, which takes most of the time of a short process,
    # and what is scored does not need it
    folder = tmp_path_factory.mktemp("start")
    (folder / "sitecustomize.py").write_text(_CODE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(folder)])  # workers get it from there
        path = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        patch.setenv("PYTHONPATH", os.pathsep.join(path))
        yield
