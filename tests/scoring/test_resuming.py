"""Scoring that is killed, truncated, changed or started twice: no row is lost or duplicated."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import rewardkit as rk
import scored
from rewardkit import presets
from rewardkit._files import journal, writing
from rewardkit._files.journal import Journal
from rewardkit.scoring import score
from scoring_rows import ROWS, SUFFIXES, read_rows, write_rows
from shapes import XML_RECIPE

parquet = pytest.importorskip("pyarrow.parquet")

CODE = """
import sys
sys.path.append(sys.argv[1])
import scored
from rewardkit.scoring import score
score(sys.argv[2], scored.Slow(), sys.argv[3], batch_size=5, workers=int(sys.argv[4]))
"""


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("workers", [1, 2])
def test_after_a_kill_and_a_second_run_every_row_occurs_once(
    suffix, workers, tmp_path, fork_server
):
    rows = [{"completion": f"{number} is it", "n": number} for number in range(600)]
    source, out = write_rows(tmp_path, rows), tmp_path / f"out{suffix}"
    progress = out.with_name(f"{out.name}.progress")
    given = map(str, [Path(scored.__file__).parent, source, out, workers])
    command = [sys.executable, "-c", CODE, *given]
    rng = random.Random(workers)  # noqa: S311 - no secrets
    sizes = [0]
    for _ in range(10 if os.environ.get("TESTS") == "long" else 2):
        process = fork_server.Popen(command, env={**os.environ, "SLOW": "0.05"})
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            if progress.exists() and progress.stat().st_size > sizes[-1]:  # it went on
                break
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.08))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not out.exists()
        sizes.append(progress.stat().st_size)
    assert sorted(sizes) == sizes
    done = score(source, scored.Slow(), out, batch_size=5)
    assert 0 < done.resumed < done.rows == 600
    have = read_rows(out)
    assert [row["n"] for row in have] == [*range(600)]
    assert [row["rewards/Slow"] for row in have] == [len(row["completion"]) for row in rows]
    assert done.total.mean == sum(len(row["completion"]) for row in rows) / 600
    assert not [*tmp_path.glob("*.part*"), *tmp_path.glob("*.progress")]


class KilledError(Exception):
    """Raised where the process would be killed."""


@pytest.fixture
def begun(tmp_path):
    """A source, and an unfinished output file with the first rows."""

    def stop(done: int, _: int | None) -> None:
        if done >= 20:
            raise KilledError

    def begin(suffix: str) -> tuple[Path, Path]:
        source, out = write_rows(tmp_path, ROWS), tmp_path / f"out{suffix}"
        with pytest.raises(KilledError):
            score(source, XML_RECIPE, out, batch_size=5, progress=stop)
        assert not out.exists()
        return source, out

    return begin


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The rows of an uninterrupted run, by the suffix of its file."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    source = write_rows(folder, ROWS)
    for suffix in SUFFIXES:
        score(source, XML_RECIPE, folder / f"out{suffix}", batch_size=5)
    return {suffix: read_rows(folder / f"out{suffix}") for suffix in SUFFIXES}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("torn", [b"", b"{", b'{"completion": "torn', b"\0" * 5000])
@pytest.mark.parametrize("file", ["part", "progress"])
@pytest.mark.usefixtures("forked_workers")
def test_a_torn_end_is_cut_off(suffix, torn, file, begun, uninterrupted):
    source, out = begun(suffix)
    with out.with_name(f"{out.name}.{file}").open("ab") as opened:
        opened.write(torn)
    workers = 2 if torn == b"{" else 1  # they read what was recovered in the same way
    done = score(source, XML_RECIPE, out, batch_size=3, workers=workers)
    assert (done.rows, done.resumed) == (35, 24)
    assert read_rows(out) == uninterrupted[suffix]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("file", ["part", "progress"])
def test_cut_anywhere_the_rest_is_scored_again(suffix, file, begun, uninterrupted):
    source, out = begun(suffix)
    path = out.with_name(f"{out.name}.{file}")
    content = path.read_bytes()
    part = out.with_name(f"{out.name}.part").read_bytes()
    progress = out.with_name(f"{out.name}.progress").read_bytes()
    for size in range(0, len(content), len(content) // 25):
        out.unlink(missing_ok=True)
        out.with_name(f"{out.name}.part").write_bytes(part)
        out.with_name(f"{out.name}.progress").write_bytes(progress)
        path.write_bytes(content[:size])
        done = score(source, XML_RECIPE, out, batch_size=5)
        assert done.resumed in (0, 4, 9, 14, 19)
        assert read_rows(out) == uninterrupted[suffix]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("step", ["finish", "replace", "part", "progress"])
def test_killed_between_the_last_steps_the_file_is_whole(step, suffix, tmp_path):
    """The process is killed at one of the calls that finish the file."""
    source, out = write_rows(tmp_path, ROWS), tmp_path / f"out{suffix}"
    with pytest.MonkeyPatch.context() as patch:
        if step == "finish":
            patch.setattr(Journal, "finish", end)
        if step == "replace":
            patch.setattr(Path, "replace", only(out, Path.replace))
        if step in ("part", "progress"):
            patch.setattr(Path, "unlink", only(out.with_name(f"{out.name}.{step}"), Path.unlink))
        with pytest.raises(KilledError):
            score(source, XML_RECIPE, out, batch_size=5)
    done = score(source, XML_RECIPE, out, batch_size=5)
    assert done.rows == 35
    assert len(read_rows(out)) == 35
    assert {path.name for path in tmp_path.iterdir()} == {
        *("in.jsonl", out.name, f"{out.name}.rewards.yaml")
    }


def end(*_: Any, **__: Any) -> None:
    raise KilledError


def only(path: Path, call: Any) -> Any:
    """Call a path's method, but raise if it concerns one of these files."""

    def maybe(self: Path, *given: Any, **options: Any) -> Any:
        if path in (self, *given):
            raise KilledError
        return call(self, *given, **options)

    return maybe


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize("changed", ["input", "rewards", "columns", "weight"])
def test_other_work_is_refused_and_may_start_afresh(finished, changed, begun):
    source, out = begun(".jsonl")
    rewards: list[Any] = [*XML_RECIPE]
    columns: dict[str, str] = {}
    if finished:
        score(source, rewards, out)
    if changed == "input":
        source.write_bytes(source.read_bytes().replace(b"Hm", b"hm"))
    if changed == "rewards":
        rewards[0] = presets.published.xmlcount_reward_func
    if changed == "columns":
        columns = {"prompt": "question"}
    if changed == "weight":
        rewards[0] = 2 * rewards[0]
    what = {
        "weight": "rewards;",
        "input": "content of .*in.jsonl; restore it \\(new rows .*\\),",
    }.get(changed, f"{changed};")
    with pytest.raises(ValueError, match=rf"begun with other {what} start afresh with --fresh"):
        score(source, rewards, out, columns=columns)
    done = score(source, rewards, out, columns=columns, resume=False)
    assert (done.rows, done.resumed) == (35, 0)
    assert len(read_rows(out)) == 35


def test_a_run_that_wrote_nothing_does_not_count(tmp_path):
    source, out = write_rows(tmp_path, [{"response": "4"}]), tmp_path / "out.jsonl"
    with pytest.raises(ValueError, match="no column 'completion'"):
        score(source, XML_RECIPE[0], out)
    with pytest.raises(ValueError, match="no column 'respons'"):
        score(source, XML_RECIPE[0], out, columns={"respons": "completion"})
    assert score(source, XML_RECIPE[1], out, columns={"response": "completion"}).rows == 1
    with pytest.raises(ValueError, match="no column 'respons'"):
        score(source, XML_RECIPE[0], out, columns={"respons": "completion"}, resume=False)
    with pytest.raises(ValueError, match="begun with other columns"):  # the old file is there
        score(source, XML_RECIPE[0], out, columns={"response": "completion"})


def test_the_code_of_a_reward_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    code = "def mine(completions, **_):\n    return [{}] * len(completions)\n"
    (tmp_path / "changing.py").write_text(code.format(1.0), encoding="utf-8")
    changing = import_module("changing")
    source, out = write_rows(tmp_path, ROWS), tmp_path / "out.jsonl"
    score(source, changing.mine, out)
    (tmp_path / "changing.py").write_text(code.format(2.0), encoding="utf-8")
    with pytest.raises(ValueError, match="other rewards"):
        score(source, changing.mine, out)


def test_a_finished_file_is_not_scored_again(tmp_path):
    source, out = write_rows(tmp_path, ROWS), tmp_path / "out.jsonl"
    first = score(source, XML_RECIPE, out)
    before = out.stat()
    again = score(source, XML_RECIPE, out)
    assert (again.rows, again.resumed) == (35, 35)
    assert again[3:] == first[3:]
    assert out.stat().st_mtime_ns == before.st_mtime_ns


def test_a_file_of_somebody_else_is_not_overwrite_rows(tmp_path):
    source, out = write_rows(tmp_path, ROWS), tmp_path / "out.jsonl"
    out.write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="was not written by score"):
        score(source, XML_RECIPE, out)
    assert out.read_text(encoding="utf-8") == "mine"


def test_a_function_in_a_wrapped_reward_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    code = "def held(completions, **_):\n    return [{}] * len(completions)\n"
    (tmp_path / "held_code.py").write_text(code.format(1.0), encoding="utf-8")
    reward = rk.wrap(import_module("held_code").held, bounds=(0.0, 2.0))
    source, out = write_rows(tmp_path, ROWS), tmp_path / "out.jsonl"
    score(source, reward, out)
    assert score(source, reward, out).resumed == 35
    (tmp_path / "held_code.py").write_text(code.format(2.0), encoding="utf-8")
    with pytest.raises(ValueError, match="other rewards"):
        score(source, reward, out)


def test_two_at_once_are_refused(tmp_path):
    source, out = write_rows(tmp_path, ROWS), tmp_path / "out.jsonl"

    def again(*_: Any) -> None:
        with pytest.raises(ValueError, match="being written by another process"):
            score(source, XML_RECIPE, out)

    assert score(source, XML_RECIPE, out, progress=again).rows == 35


GARBAGE = [
    b"garbage",
    b"[1]",
    b"[" * 100_000,
    b'{"bytes": -1, "rows": 5, "tallies": [], "schema": null}',
    b'{"bytes": true, "rows": 5}',
    b'{"bytes": 5}',
    b"\xff\xfe",
    b"9" * 5_000,
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
@pytest.mark.parametrize("line", [1, 3])
def test_garbage_in_the_progress_is_named_with_its_line(garbage, line, begun):
    source, out = begun(".jsonl")
    progress = out.with_name(f"{out.name}.progress")
    lines = progress.read_bytes().split(b"\n")
    progress.write_bytes(b"\n".join([*lines[: line - 1], garbage, *lines[line:]]))
    with pytest.raises(ValueError, match=rf"out.jsonl.progress, line {line}") as raised:
        score(source, XML_RECIPE, out)
    assert len(str(raised.value)) < 300
    assert score(source, XML_RECIPE, out, resume=False).rows == 35


def test_no_more_of_the_files_beside_is_read_than_score_writes(begun, monkeypatch):
    source, out = begun(".jsonl")
    progress = out.with_name(f"{out.name}.progress")
    monkeypatch.setattr(journal, "MAX_LINE_BYTES", 1 << 16)
    with progress.open("r+b") as file:
        file.truncate(1 << 40)  # a hole, which takes no space
    with pytest.raises(ValueError, match=r"progress, line \d+: not a line that score wrote"):
        score(source, XML_RECIPE, out)
    assert score(source, XML_RECIPE, out, resume=False).rows == 35
    with out.with_name(f"{out.name}.rewards.yaml").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(ValueError, match=r"rewards.yaml: more than 65 MiB"):
        score(source, XML_RECIPE, out)


def test_a_full_disk_is_not_taken_for_a_damaged_file(tmp_path, monkeypatch):
    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    source, out = write_rows(tmp_path, ROWS), tmp_path / "out.parquet"
    monkeypatch.setattr(writing, "ROW_GROUP_BYTES", 1)
    with monkeypatch.context() as patched:
        patched.setattr(parquet.ParquetWriter, "write_table", fail)
        with pytest.raises(OSError, match="No space left"):
            score(source, XML_RECIPE, out)
    assert score(source, XML_RECIPE, out).resumed == 35


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("key", ["tallies", "schema"])
@pytest.mark.parametrize("value", [7, [[1, "a", 0, 0, ""]] * 5, [["a"] * 5] * 5])
def test_a_forged_state_is_named(suffix, key, value, begun):
    source, out = begun(suffix)
    progress = out.with_name(f"{out.name}.progress")
    *lines, last, _ = progress.read_bytes().split(b"\n")
    forged = json.dumps({**json.loads(last), key: value}).encode()
    progress.write_bytes(b"\n".join([*lines, forged, b""]))
    with pytest.raises(ValueError, match=rf"progress, line {len(lines) + 1}: not a line"):
        score(source, XML_RECIPE, out)


def test_a_forged_schema_and_forged_pieces_are_refused(begun):
    source, out = begun(".parquet")
    progress = out.with_name(f"{out.name}.progress")
    content = progress.read_bytes()
    *lines, last, _ = content.split(b"\n")
    forged = json.dumps({**json.loads(last), "schema": "AAAA"}).encode()
    progress.write_bytes(b"\n".join([*lines, forged, b""]))
    with pytest.raises(ValueError, match=r"schema .* cannot be read; start afresh"):
        score(source, XML_RECIPE, out)
    progress.write_bytes(content)
    part = out.with_name(f"{out.name}.part")
    part.write_bytes(b"x" * part.stat().st_size)
    with pytest.raises(ValueError, match=r"out.parquet.part: not what score wrote"):
        score(source, XML_RECIPE, out)


def test_garbage_alone_in_the_progress_is_named(begun):
    source, out = begun(".jsonl")
    out.with_name(f"{out.name}.progress").write_bytes(b'{"rows": 3}\n')
    kept = out.with_name(f"{out.name}.part").read_bytes()
    with pytest.raises(ValueError, match=r"progress, line 1: not a line that score wrote"):
        score(source, XML_RECIPE, out)
    assert out.with_name(f"{out.name}.part").read_bytes() == kept


@pytest.mark.parametrize("state", [b"garbage", b"[]", b'{"rows": 1}', b'{"rows": -1}', b"\xff"])
def test_garbage_in_the_file_beside_is_named(state, tmp_path):
    source, out = write_rows(tmp_path, ROWS), tmp_path / "out.jsonl"
    score(source, XML_RECIPE, out)
    beside = out.with_name("out.jsonl.rewards.yaml")
    beside.write_bytes(b"# one\n# state: " + state + b"\n")
    with pytest.raises(ValueError, match=r"out.jsonl.rewards.yaml(, line 2)?: not "):
        score(source, XML_RECIPE, out)


@pytest.mark.skipif(os.name == "nt", reason="links of a Unix system")
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", ["progress", "part", "part.parquet", "rewards.yaml.new"])
@pytest.mark.parametrize("link", ["symbolic", "hard", "dangling"])
def test_no_file_is_written_through_a_link(suffix, name, link, tmp_path):
    """In a folder where others may write, such a link leads to a file of the user's."""
    source, out = write_rows(tmp_path, ROWS), tmp_path / f"out{suffix}"
    other, planted = tmp_path / "other", out.with_name(f"{out.name}.{name}")
    if link != "dangling":
        other.write_text("theirs\n")
    if link == "hard":
        planted.hardlink_to(other)
    else:
        planted.symlink_to(other)
    if name in ("progress", "part"):
        with pytest.raises(ValueError, match=rf"out{suffix}.{name}: .* delete it"):
            score(source, XML_RECIPE, out)
    else:
        score(source, XML_RECIPE, out)
    assert other.exists() == (link != "dangling")
    assert link == "dangling" or other.read_text() == "theirs\n"


@pytest.mark.skipif(os.name == "nt", reason="pipes of a Unix system")
def test_a_pipe_in_place_of_the_progress_does_not_hang(tmp_path):
    source, out = write_rows(tmp_path, ROWS), tmp_path / "out.jsonl"
    os.mkfifo(tmp_path / "out.jsonl.progress")
    with pytest.raises(ValueError, match=r"out.jsonl.progress: not a plain file"):
        score(source, XML_RECIPE, out)
