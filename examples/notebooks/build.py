"""Write each notebook from the script of the same name: `python examples/notebooks/build.py`.

The scripts are in the percent format, which editors and jupytext read too: `# %%` starts a cell of
code, `# %% [markdown]` one of text. A line `# %pip ...` is a command of the notebook.
"""

import re
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

FOLDER = Path(__file__).parent
ON_GPU = {"gsm8k"}
REPOSITORY = "rewardkit/rewardkit"
BADGE = (
    "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/{repository}/blob/main/examples/notebooks/{name})"
)


def find_sources() -> list[Path]:
    return [path for path in sorted(FOLDER.glob("*.py")) if path != Path(__file__)]


def format_notebook(source: Path) -> str:
    """Return the text of a script's .ipynb file."""
    _, *blocks = re.split(r"^# %%", source.read_text(encoding="utf-8"), flags=re.MULTILINE)
    cells = [make_cell(f"cell-{index}", block) for index, block in enumerate(blocks)]
    badge = BADGE.format(repository=REPOSITORY, name=f"{source.stem}.ipynb")
    cells.insert(0, new_markdown_cell(badge, id="badge"))
    metadata: dict[str, Any] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "colab": {"provenance": []},
    }
    if source.stem in ON_GPU:
        metadata["accelerator"] = "GPU"
        metadata["colab"]["gpuType"] = "T4"
    notebook = new_notebook(cells=cells, metadata=metadata)
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)) + "\n"


def make_cell(cell_id: str, block: str) -> Any:
    # ids by position, so that the same script gives the same file
    kind, _, text = block.partition("\n")
    if kind.strip() == "[markdown]":
        return new_markdown_cell(re.sub(r"^# ?", "", text, flags=re.MULTILINE).strip(), id=cell_id)
    code = re.sub(r"^# (?=%pip )", "", text, flags=re.MULTILINE).strip()
    # nbclient skips cells with this tag; Colab runs them
    metadata = {"tags": ["skip-execution"]} if code.startswith("%pip") else {}
    return new_code_cell(code, id=cell_id, metadata=metadata)


if __name__ == "__main__":
    for path in find_sources():
        path.with_suffix(".ipynb").write_text(format_notebook(path), encoding="utf-8")
        print(path.with_suffix(".ipynb"))
