"""Scoring on systems without fcntl: Windows has msvcrt, WebAssembly has no file locks."""

from __future__ import annotations

import subprocess
import sys

import pytest

# A replacement for the module of Windows, on top of the lock that this system has.
MSVCRT = """
import fcntl, subprocess, types  # subprocess, since it would take the replacement for Windows
msvcrt = types.ModuleType("msvcrt")
msvcrt.LK_NBLCK = 1
def locking(descriptor, mode, size, flock=fcntl.flock, how=fcntl.LOCK_EX | fcntl.LOCK_NB):
    flock(descriptor, how)
msvcrt.locking = locking
sys.modules["msvcrt"] = msvcrt
"""
SCRIPT = """
import sys
{setup}
sys.modules["fcntl"] = sys.modules["resource"] = None
from rewardkit import build
from rewardkit.scoring import score
near = build("length", target=1)
def again(*_):
    try:
        score("in.jsonl", near, "out.jsonl")
    except ValueError as error:
        print(error)
print(score("in.jsonl", near, "out.jsonl", progress={progress}).rows)
"""


@pytest.mark.parametrize(
    ("setup", "progress", "printed"),
    [
        ("", None, "2\n"),
        pytest.param(
            MSVCRT,
            "again",
            "out.jsonl is being written by another process; wait for it, or stop it\n" * 2 + "2\n",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="it has the real one"),
        ),
    ],
)
def test_a_file_is_scored_without_fcntl(setup, progress, printed, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"completion": "4"}\n' * 2, encoding="utf-8")
    script = SCRIPT.format(setup=setup, progress=progress)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == (printed, "")
    assert not [*tmp_path.glob("*.progress")]
