"""The notebooks are those that their sources give, and run."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "examples" / "notebooks"


def load_build() -> ModuleType:
    pytest.importorskip("nbformat")
    spec = importlib.util.spec_from_file_location("build", NOTEBOOKS / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_notebook(name: str) -> Any:
    return pytest.importorskip("nbformat").read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def test_each_notebook_is_what_its_source_gives():
    build = load_build()
    expected = {
        source.with_suffix(".ipynb"): build.format_notebook(source)
        for source in build.find_sources()
    }
    written = {path: path.read_text(encoding="utf-8") for path in NOTEBOOKS.glob("*.ipynb")}
    assert written == expected, "run: python examples/notebooks/build.py"


def test_a_source_gives_text_code_and_commands(tmp_path):
    source = tmp_path / "made.py"
    source.write_text(
        "# %% [markdown]\n# # Title\n#\n# A text.\n\n# %%\n# %pip install x\n\n"
        "# %%\n# a comment\nx = 1\n",
        encoding="utf-8",
    )
    cells = pytest.importorskip("nbformat").reads(load_build().format_notebook(source), 4).cells
    assert [(cell.cell_type, cell.source) for cell in cells[1:]] == [
        ("markdown", "# Title\n\nA text."),
        ("code", "%pip install x"),
        ("code", "# a comment\nx = 1"),
    ]


@pytest.mark.parametrize(("name", "accelerator"), [("gsm8k", "GPU"), ("test_your_reward", None)])
def test_a_notebook_is_ready_for_colab(name, accelerator):
    notebook = read_notebook(name)
    badge, title, install = notebook.cells[:3]
    assert f"/examples/notebooks/{name}.ipynb)" in badge.source
    assert title.source.startswith("# ")
    assert install.source.startswith("%pip install")
    assert notebook.metadata.get("accelerator") == accelerator
    assert all("outputs" not in cell or cell.outputs == [] for cell in notebook.cells)


def test_gsm8k_trains(trainers, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in read_notebook("gsm8k").cells:
        if cell.cell_type == "code" and not cell.source.startswith("%"):
            exec(cell.source, names)  # noqa: S102 - our own notebook
    output = capsys.readouterr().out
    assert "problems of these rewards: 0\n" in output
    assert "as published: strict_format_reward_func " in output
    assert output.count("  correctness_reward_func: 2 (correct)\n") == 3
    (trainer,) = trainers
    logs = [log for log in trainer.state.log_history if "reward" in log]
    # two of a group's eight completions are right
    assert [log["rewards/correctness_reward_func/mean"] for log in logs] == [0.5, 0.5]
    assert len(names["plt"].gca().lines) == 5
    names["plt"].close("all")
    assert (tmp_path / "gsm8k-lora" / "adapter_model.safetensors").is_file()


def test_your_reward_runs_in_a_kernel(tmp_path, monkeypatch):
    pytest.importorskip("ipykernel")
    nbclient = pytest.importorskip("nbclient")
    for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "jupyter"))
    notebook = read_notebook("test_your_reward")
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=resources).execute()
    output = "".join(
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "text" in output
    )
    assert re.match(r"answer_reward: 1 of \d+ laws failed\n\nnever_raises: ", output)
    assert "layout_reward: constant on 2 rows" in output
    assert "exploit tags-only: 100%" in output
    assert "exploit wrong-place-then-right: 100%" in output
    assert "exploits: ()\n" in output
    assert "problems: ()\n" in output
    assert (tmp_path / "report.html").is_file()
