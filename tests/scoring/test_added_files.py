"""Files that come and go between runs of `score`: rows are scored once, and none is lost."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rewardkit as rk
import scored
from rewardkit._files.open_rows import open_rows
from rewardkit._files.parts import FileParts
from rewardkit._files.work import FileDigest, Work
from rewardkit.scoring import score
from rewardkit.scoring.chunk_scorer import make_chunk_scorer
from rewardkit.scoring.parts import PartScorer
from scoring_rows import SUFFIXES, read_rows, write_rows

parquet = pytest.importorskip("pyarrow.parquet")

LENGTH = rk.build("length", target=0, name="length")
FRESH = r"start afresh with --fresh \(resume=False\), or write to another file"


class KilledError(Exception):
    """Raised where the process would be killed."""


def write_file(folder: Path, name: str, rows: int = 4, text: str = "x") -> None:
    """Write rows that say which file they are of."""
    write_rows(
        folder,
        [{"completion": text * (n + 1), "at": f"{name}{n}"} for n in range(rows)],
        f"{name}.jsonl",
    )


def score_folder(folder: Path, out: Path, *, stop: int = 10**9, **options: Any) -> Any:
    def stop_there(done: int, _: int | None) -> None:
        if done >= stop:
            raise KilledError

    source = str(folder / "*.jsonl")
    return score(source, LENGTH, out, batch_size=2, progress=stop_there, **options)


def list_places(out: Path) -> list[str]:
    rows = read_rows(out)
    assert all(row["reward"] == -len(row["completion"]) for row in rows)
    return [row["at"] for row in rows]


def places(*names: str, rows: int = 4) -> list[str]:
    return [f"{name}{n}" for name in names for n in range(rows)]


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "rows"
    made.mkdir()
    return made


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_added_to_a_finished_one_are_appended(suffix, folder, tmp_path):
    out = tmp_path / f"out{suffix}"
    write_file(folder, "b")
    assert score_folder(folder, out)[1:3] == (4, 0)
    write_file(folder, "a")
    write_file(folder, "c")
    done = score_folder(folder, out)
    assert done[1:3] == (12, 4)
    assert done.total[2:6] == (12, -2.5, -4, -1)
    assert list_places(out) == places("b", "a", "c")
    before = out.stat().st_mtime_ns
    assert score_folder(folder, out)[1:3] == (12, 12)
    assert out.stat().st_mtime_ns == before
    assert not [*tmp_path.glob("*.part*"), *tmp_path.glob("*.progress")]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_added_after_a_kill_in_the_middle_come_last(suffix, folder, tmp_path):
    out = tmp_path / f"out{suffix}"
    write_file(folder, "b")
    write_file(folder, "d")
    with pytest.raises(KilledError):
        score_folder(folder, out, stop=2)
    write_file(folder, "a")
    with pytest.raises(KilledError):
        score_folder(folder, out, stop=8)
    write_file(folder, "c")
    done = score_folder(folder, out)
    assert done.rows == 16
    assert 8 <= done.resumed < 16
    assert list_places(out) == places("b", "d", "a", "c")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from("abcdefgh")), st.integers(2, 12)), min_size=1, max_size=5
    ),
    st.sampled_from(SUFFIXES),
)
def test_however_files_come_every_row_occurs_once(tmp_path_factory, steps, suffix):
    folder = tmp_path_factory.mktemp("coming")
    out, names = folder / f"out{suffix}", set()
    source = folder / "rows"
    source.mkdir()
    write_file(source, "start", rows=3)
    for added, stop in steps:
        for name in added - names:
            write_file(source, name, rows=3)
        names |= added
        try:
            score_folder(source, out, stop=stop)
        except KilledError:
            continue
    assert score_folder(source, out).rows == 3 * (len(names) + 1)
    assert sorted(list_places(out)) == sorted(places("start", *names, rows=3))
    # A file's rows are together and in order, whatever order the files are in.
    found = list_places(out)
    order = [place[:-1] for place in found[::3]]
    assert found == places(*order, rows=3)


@pytest.mark.parametrize("finished", [False, True])
def test_a_file_that_changed_or_is_gone_is_named(finished, folder, tmp_path):
    out = tmp_path / "out.jsonl"
    write_file(folder, "a")
    write_file(folder, "b")
    if finished:
        score_folder(folder, out)
    else:
        with pytest.raises(KilledError):
            score_folder(folder, out, stop=6)
    write_file(folder, "c")
    kept = (folder / "b.jsonl").read_bytes()
    (folder / "b.jsonl").write_bytes(kept + b'{"completion": "more"}\n')
    named = r"out.jsonl was begun with other content of .*b\.jsonl; restore it"
    with pytest.raises(
        ValueError, match=rf"{named} \(new rows go into a file of their own\), {FRESH}$"
    ):
        score_folder(folder, out)
    (folder / "b.jsonl").unlink()
    gone = r"out.jsonl was begun with .*b\.jsonl, which is not among the input now"
    with pytest.raises(ValueError, match=rf"{gone}; {FRESH}$"):
        score_folder(folder, out)
    # A file is known by its content, so it may come back under another name.
    (folder / "0.jsonl").write_bytes(kept)
    assert score_folder(folder, out).rows == 12
    assert list_places(out) == places("a", "b", "c")


def test_other_rewards_do_not_score_what_was_added(folder, tmp_path):
    out = tmp_path / "out.jsonl"
    write_file(folder, "a")
    score_folder(folder, out)
    write_file(folder, "b")
    other = rk.build("length", target=1, name="length")
    with pytest.raises(ValueError, match=f"begun with other rewards; {FRESH}"):
        score(str(folder / "*.jsonl"), other, out)
    assert score(str(folder / "*.jsonl"), other, out, resume=False).resumed == 0
    assert len(read_rows(out)) == 8


def test_a_fresh_start_that_was_killed_at_once_is_still_fresh(folder, tmp_path):
    out = tmp_path / "out.jsonl"
    write_file(folder, "a")
    score_folder(folder, out)
    with pytest.raises(KilledError):
        score_folder(folder, out, stop=0, resume=False)
    assert score_folder(folder, out)[1:3] == (4, 0)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_fresh_start_with_a_new_file_that_was_killed_at_once_is_still_fresh(
    suffix, folder, tmp_path
):
    out = tmp_path / f"out{suffix}"
    write_file(folder, "b")
    score_folder(folder, out)
    write_file(folder, "c")
    for options in ({"resume": False}, {}):
        with pytest.raises(KilledError):
            score_folder(folder, out, stop=0, **options)
    assert score_folder(folder, out)[1:3] == (8, 0)
    assert list_places(out) == places("b", "c")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("then", ["changed", "gone"])
def test_a_new_file_may_change_or_go_until_a_row_of_it_is_scored(suffix, then, folder, tmp_path):
    out = tmp_path / f"out{suffix}"
    write_file(folder, "b")
    score_folder(folder, out)
    write_file(folder, "a")
    with pytest.raises(KilledError):
        score_folder(folder, out, stop=4)
    assert out.with_name(f"{out.name}.progress").exists()
    if then == "changed":
        write_file(folder, "a", rows=2)
    else:
        (folder / "a.jsonl").unlink()
    rows = 6 if then == "changed" else 4
    assert score_folder(folder, out)[1:3] == (rows, 4)
    assert list_places(out) == [*places("b"), *places("a", rows=2)][:rows]
    assert not [*tmp_path.glob("*.part*"), *tmp_path.glob("*.progress")]


def test_a_new_file_of_another_format_leaves_the_finished_one_as_it_is(folder, tmp_path):
    out = tmp_path / "out.jsonl"
    write_file(folder, "b")
    score_folder(folder, out)
    (folder / "a.jsonl").write_text("level=info\nlevel=info\n")
    with pytest.raises(ValueError, match=r"a\.jsonl, line 1: not JSON"):
        score_folder(folder, out)
    assert not [*tmp_path.glob("*.part*"), *tmp_path.glob("*.progress")]
    write_file(folder, "a")
    assert score_folder(folder, out)[1:3] == (8, 4)
    assert list_places(out) == places("b", "a")


def test_rewards_that_changed_while_nothing_was_written_do_not_replace_a_finished_file(
    folder, tmp_path, monkeypatch
):
    out = tmp_path / "out.jsonl"
    write_file(folder, "a")
    score_folder(folder, out)
    write_file(folder, "b")
    fail_at(monkeypatch, "rewardkit._files.journal.Journal.adopt", 1, out)
    with pytest.raises(KilledError):
        score_folder(folder, out)
    monkeypatch.undo()
    other = rk.build("length", target=1, name="length")
    with pytest.raises(ValueError, match=f"begun with other rewards; {FRESH}"):
        score(str(folder / "*.jsonl"), other, out)
    assert score_folder(folder, out)[1:3] == (8, 4)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_finished_file_that_somebody_changed_is_not_extended(suffix, folder, tmp_path):
    out = tmp_path / f"out{suffix}"
    write_file(folder, "a")
    score_folder(folder, out)
    write_file(folder, "b")
    if suffix == ".jsonl":
        out.write_bytes(out.read_bytes() + b"{}\n")
    else:
        parquet.write_table(parquet.read_table(out)[:3], out)
    content = out.read_bytes()
    message = r"has changed since score wrote it; --fresh \(resume=False\) replaces it"
    for _ in range(2):
        with pytest.raises(ValueError, match=message):
            score_folder(folder, out)
    assert out.read_bytes() == content
    assert score_folder(folder, out, resume=False).rows == 8


@pytest.mark.parametrize(
    "step", ["begin", "adopt", "adopted", "sidecar", "replace", "part", "progress"]
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_killed_while_adding_no_row_is_lost(step, suffix, folder, tmp_path, monkeypatch):
    out = tmp_path / f"out{suffix}"
    write_file(folder, "b")
    score_folder(folder, out)
    write_file(folder, "a")
    calls = {
        # the lines about all files, the finished ones, their rows, and all files again
        "begin": ("rewardkit._files.journal.Journal._append_line", 2),
        "adopt": ("rewardkit._files.journal.Journal._append_line", 3),
        "adopted": ("rewardkit._files.journal.Journal._append_line", 4),
        "sidecar": ("rewardkit.scoring.run.write_atomically", 1),
        "replace": ("pathlib.Path.replace", 2),  # the sidecar's is the first
        "part": ("pathlib.Path.unlink", 1),
        "progress": ("pathlib.Path.unlink", 1),
    }
    target, number = calls[step]
    fail_at(monkeypatch, target, number, out.with_name(f"{out.name}.{step}"))
    with pytest.raises(KilledError):
        score_folder(folder, out)
    monkeypatch.undo()
    write_file(folder, "0")
    assert score_folder(folder, out).rows == 12
    # as long as no row of a new file is written, the new ones are in their own order
    new = "0a" if step in ("begin", "adopt", "adopted") else "a0"
    assert list_places(out) == places("b", *new)
    assert not [*tmp_path.glob("*.part*"), *tmp_path.glob("*.progress")]


def fail_at(monkeypatch: pytest.MonkeyPatch, target: str, number: int, path: Path) -> None:
    """Make the call with this number fail; of unlink, those of one path count."""
    owner, name = target.rsplit(".", 1)
    module = resolve_name(owner)
    before, calls = getattr(module, name), []

    def call(*given: Any, **options: Any) -> Any:
        if name != "unlink" or given[0] == path:
            calls.append(given)
            if len(calls) == number:
                raise KilledError
        return before(*given, **options)

    monkeypatch.setattr(module, name, call)


CODE = """
import sys
sys.path.append(sys.argv[1])
import scored
from rewardkit.scoring import score
score(sys.argv[2], scored.Slow(), sys.argv[3], batch_size=5)
"""


def test_a_real_kill_then_a_file_before_and_one_after(folder, tmp_path, fork_server):
    out, progress = tmp_path / "out.jsonl", tmp_path / "out.jsonl.progress"
    for name in "bd":
        write_file(folder, name, rows=200)
    given = [Path(scored.__file__).parent, folder / "*.jsonl", out]
    environment = {**os.environ, "SLOW": "0.02"}
    command = [sys.executable, "-c", CODE, *map(str, given)]
    process = fork_server.Popen(command, env=environment)
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        if progress.exists() and progress.read_bytes().count(b"\n") > 3:
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    for name in "ae":
        write_file(folder, name, rows=200)
    done = score(str(folder / "*.jsonl"), scored.Slow(), out, batch_size=50)
    assert 0 < done.resumed < 400
    rows = read_rows(out)
    assert [row["at"] for row in rows] == places(*"bdae", rows=200)
    assert [row["rewards/Slow"] for row in rows] == [len(row["completion"]) for row in rows]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_group_does_not_go_on_into_a_file_that_was_added(suffix, folder):
    """Its part was scored by an earlier run, and the rows of the new file still have to be."""
    for name in "ab":
        rows = [{"prompt": "p", "completion": "4", "at": f"{name}{n}"} for n in range(3)]
        path = write_rows(folder, rows, f"{name}.jsonl")
        path.write_text(path.read_text() + "\n \n")  # blank lines are no rows
        if suffix == ".parquet":
            arrow = pytest.importorskip("pyarrow")
            parquet.write_table(arrow.Table.from_pylist(rows), path.with_suffix(".parquet"))
    source = open_rows(folder / f"*{suffix}")
    for start, expected in [(3, "b"), (0, "ab")]:
        parts = FileParts(source, start)
        work = PartScorer(make_chunk_scorer(scored.GroupSize(name="size"), {}, "rows"), parts, 2)
        pieces = [piece for part in parts.split(2) for piece in work(part)]
        rows = [row for piece in pieces for row in piece.content]
        assert [row["at"] for row in rows] == places(*expected, rows=3)


def test_files_are_known_by_content_alone():
    def work(**files: str) -> Work:
        return Work(tuple(FileDigest(*file) for file in files.items()), {"rewards": "r"})

    before = work(a="1", b="2", c="2")
    now = work(z="2", a="3", b="1", y="2")
    followed = now.follow(before, Path("out"))
    assert [file.name for file in followed.files] == ["b", "z", "y", "a"]
    assert json.loads(json.dumps(before.as_record())) == {
        "files": [["a", "1"], ["b", "2"], ["c", "2"]],
        "rewards": "r",
    }
