"""Rows from objects, standard input and the hub, as an argument names them."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest

from rewardkit._files.open_rows import open_rows

ROWS = [{"completion": f"{n}", "n": n, "note": None if n % 2 else "even"} for n in range(5)]


def as_dataset() -> Any:
    return pytest.importorskip("datasets").Dataset.from_list(ROWS)


def as_frame() -> Any:
    return pytest.importorskip("pandas").DataFrame(ROWS)


def as_table() -> Any:
    return pytest.importorskip("pyarrow").Table.from_pylist(ROWS)


MAKERS = [lambda: ROWS, lambda: iter(ROWS), as_dataset, as_frame, as_table]


@pytest.mark.parametrize("make", MAKERS)
def test_the_rows_of_an_object(make):
    source = open_rows(make())
    assert [*source.rows()] == ROWS
    assert source.count() == 5
    assert [row for chunk in source.chunks(size=2, start=1) for row in chunk.rows()] == ROWS[1:]
    last = [*source.chunks(size=2)][-1]
    assert last.position(0).endswith(", row 5")
    assert source.fingerprint() == open_rows(make()).fingerprint()


def test_missing_values_of_a_frame_are_none():
    frame = pytest.importorskip("pandas").DataFrame(
        {"completion": ["a", None], "n": [1.0, float("nan")], "parts": [["x"], ["y"]]}
    )
    assert [*open_rows(frame).rows()] == [
        {"completion": "a", "n": 1.0, "parts": ["x"]},
        {"completion": None, "n": None, "parts": ["y"]},
    ]


def test_other_rows_have_another_fingerprint():
    assert open_rows(ROWS).fingerprint() != open_rows(ROWS[:4]).fingerprint()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"completion": ["a"]}, "got a dict of completion, expected a path, rows"),
        (4, "got a int, expected a path"),
        (b"a", "got a bytes"),
        (["a"], r"row 0: got 'a' \(str\), expected a dict such as"),
    ],
)
def test_objects_without_rows(given, message):
    with pytest.raises(TypeError, match=message):
        open_rows(given)


def test_a_dataset_with_splits_is_refused():
    datasets = pytest.importorskip("datasets")
    with pytest.raises(TypeError, match=r"several splits; .* for example dataset\['test'\]"):
        open_rows(datasets.DatasetDict({"test": as_dataset()}))


def test_standard_input_is_read_once_and_counted(monkeypatch):
    lines = b'{"completion": "a"}\n\n{"completion": "b"}\nno json\n'
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(lines)))
    source = open_rows("-")
    assert source.count() == 4
    first, *_ = source.chunks(size=2)
    assert first.rows() == [{"completion": "a"}]
    with pytest.raises(ValueError, match="standard input, line 4: not JSON"):
        [*source.rows()]
    folder = source.files[0].parent
    assert folder.exists()
    del source, first
    assert not folder.exists()


class Hub:
    """What `datasets` and `huggingface_hub` are asked."""

    def __init__(self, *splits: str) -> None:
        self.splits = splits
        self.loaded: list[Any] = []
        self.error: Exception = RuntimeError("no such dataset")

    def dataset_info(self, name: str, *, timeout: float) -> None:
        if not self.splits:
            raise self.error

    def load_dataset(self, *given: Any, split: str) -> Any:
        self.loaded.append((*given, split))
        return as_dataset()


@pytest.fixture
def hub(monkeypatch, request, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    hub = Hub(*request.param)
    api = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(api, "HfApi", lambda: hub)
    monkeypatch.setattr(api.constants, "HF_HUB_OFFLINE", False)
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets, "load_dataset", hub.load_dataset)
    monkeypatch.setattr(datasets, "get_dataset_split_names", lambda *_: [*hub.splits])
    return hub


@pytest.mark.parametrize(
    ("hub", "name", "loaded"),
    [
        (["only"], "somebody/maths", ("somebody/maths", None, "only")),
        (["a", "b"], "somebody/maths:b", ("somebody/maths", None, "b")),
        (["a"], "somebody/maths:main/train[:9%]", ("somebody/maths", "main", "train[:9%]")),
    ],
    indirect=["hub"],
)
def test_a_dataset_on_the_hub(hub, name, loaded):
    source = open_rows(name)
    assert [*source.rows()] == ROWS
    assert hub.loaded == [loaded]
    assert source.name == name


@pytest.mark.parametrize(
    ("hub", "name", "error", "message"),
    [
        (["a", "b"], "x/y:main/", FileNotFoundError, "file not found: x/y:main/"),
        (["a", "b"], "x/y", ValueError, "several splits; give one of them: x/y:a or x/y:b"),
        ([], "x/y", FileNotFoundError, r"nor is it a dataset on the hub .*RuntimeError: no such"),
        (["a"], "x/y.jsonl", FileNotFoundError, "no folder 'x'$"),
        (["a"], "here/y", FileNotFoundError, "file not found: here/y$"),
    ],
    indirect=["hub"],
)
def test_names_that_are_not_on_the_hub(hub, name, error, message):
    with pytest.raises(error, match=message):
        open_rows(name)
    assert hub.loaded == []


class ProxyError(type("TransportError", (Exception,), {})):  # type: ignore[misc]
    """As an HTTP client names its own."""


@pytest.mark.parametrize("error", [ConnectionError("no\nroute"), ProxyError("no\nroute")])
@pytest.mark.parametrize("hub", [[]], indirect=True)
def test_a_hub_that_cannot_be_reached_is_one_line_with_the_fix(hub, error):
    hub.error = error
    with pytest.raises(FileNotFoundError) as caught:
        open_rows("x/y:main/test")
    assert str(caught.value) == (
        "file not found: x/y:main/test; there is no folder 'x/y:main'; the hub, where it may be a"
        f" dataset, cannot be reached ({type(error).__name__}: no route); save it where there is a"
        " network, dataset.save_to_disk(FOLDER), and give the folder; if it is in the cache, set"
        " HF_HUB_OFFLINE=1"
    )
