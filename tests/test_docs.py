"""What the pages of the site say is so: their examples run, and their tables hold."""

from __future__ import annotations

import doctest
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import rewardkit
from pages import ENVIRONMENT, ROOT, Page, blocks
from rewardkit import component, presets
from rewardkit.presets import published as published_presets

DOCS = ROOT / "docs"
ROW = re.compile(r"\| [^|`]+ \| `([^`]+)` \|(?: `([^`]+)` \|)? ([-.\d]+) \| ([-.\d]+) \|")
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
GALLERY = ("index", "reward", "verifier", "extractor", "algebra")
LISTING = """
import rewardkit as rk
from rewardkit.registry import lookup
for kind in ("reward", "verifier", "extractor"):
    for name in rk.names(kind):
        print(name, kind, lookup(name).__module__)
"""


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


# The examples ------------------------------------------------------------------------------------


@pytest.fixture
def runner(tmp_path, monkeypatch, request):
    """What runs a page, in a folder of its own; what it registers is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(component, "_registry", dict(component._registry))
    page = request.node.callspec.params.get("page", "") if hasattr(request.node, "callspec") else ""
    return Page(str(page), tmp_path, monkeypatch)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_blocks_of_a_page_run(page, runner):
    runner.run(read(page))


@pytest.mark.parametrize("page", GALLERY)
def test_blocks_of_the_gallery_run(page, gallery, runner):
    runner.run(gallery[f"gallery/{page}.md"])


def test_a_wrong_example_is_found(runner):
    for text, wanted in {
        "```pycon\n>>> 1 + 1\n3\n```": AssertionError,
        "```python\nimport rewardkit as rk\nrk.build('length', targt=1)\n```": ValueError,
        "```yaml\ntype: length\ntargt: 1\n```": ValueError,
        "```sh\nmake nothing\n```": AssertionError,
        "```sh\npip install 'rewardkit[nothing]'\n```": AssertionError,
        "```sh\nrewardkit show nothing\n```": AssertionError,
        "```pyton\n1\n```": AssertionError,
    }.items():
        with pytest.raises(wanted):
            runner.run(text)


def test_blocks_that_are_not_run_say_why():
    remarks = [block.remark for page in PAGES for block in blocks(read(page)) if block.remark]
    assert remarks
    assert all(
        re.fullmatch(r"<!-- (run with stand-ins: needs|not run:) .+ -->", remark)
        for remark in remarks
    )


# The gallery -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hooks", DOCS / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def gallery(hooks, registered) -> dict[str, str]:
    """The generated pages, of the components that every process has registered."""
    with pytest.MonkeyPatch.context() as patch:
        known = {name: component.lookup(name) for name, _, _ in registered}
        patch.setattr(component, "_registry", known)
        return hooks.gallery()


@pytest.fixture(scope="module")
def registered() -> list[list[str]]:
    """The name, kind and module of every component.

    In a process of its own, since tests and examples register components of theirs.
    """
    listed = subprocess.run(
        [sys.executable, "-c", LISTING],
        env=ENVIRONMENT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return [line.split() for line in listed.splitlines()]


def test_every_component_is_in_the_gallery(gallery, registered):
    told = re.findall(
        r"^\| \[`(\w+)`\]\((\w+)\.md#(\w+)\) \| .", gallery["gallery/index.md"], re.MULTILINE
    )
    assert sorted(name for name, _, _ in told) == sorted(name for name, _, _ in registered)
    kinds = {name: kind for name, kind, _ in registered}
    for name, page, anchor in told:
        text = gallery[f"gallery/{page}.md"]
        section = re.search(
            rf"^##+ `{name}` {{ #{anchor} }}$(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL
        )
        assert section is not None, name
        assert page in (kinds[name], "algebra")
        assert section[1].lstrip().startswith(f"{kinds[name]} · `rewardkit.")
        assert f"\ntype: {name}\n" in section[1]
        assert ">>> " in section[1]
        for field in component.lookup(name).model_fields:
            documented = re.search(rf"^`{field}` · .+ · .+\n:   \S", section[1], re.MULTILINE)
            assert documented or field in ("name", "log_why"), f"{name}.{field}"


def test_the_gallery_tells_a_limit_beside_what_it_limits(gallery):
    assert "list of (`float` above 0, `float`)" in gallery["gallery/reward.md"]


def test_examples_in_the_hooks_run(hooks):
    assert doctest.testmod(hooks).failed == 0


def test_the_gallery_says_what_a_field_may_be(gallery):
    rewards = gallery["gallery/reward.md"]
    assert "`target` · `float` at least 0 · required" in rewards
    assert '`unit` · `"characters"`, `"words"` or `"tokens"` · default `\'characters\'`' in rewards
    assert "`extractor` · [extractor](extractor.md) · default `Tag()`" in rewards
    assert "At most 0, with no lower limit" in rewards
    assert "Of the one below: at most 0." in rewards
    assert "non-empty list of non-empty `str`" in rewards


def test_one_page_lists_every_extra():
    project = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]
    table = read(DOCS / "all.md").partition("## Install")[2].partition("## ")[0]
    told = {name for name in project["optional-dependencies"] if f"`{name}`" in table}
    ours = {"all", "bench", "demo", "dev", "docs", "train"}  # for the project itself
    assert told == set(project["optional-dependencies"]) - ours


def test_one_page_lists_every_component(hooks, registered):
    text = hooks.on_page_markdown(read(DOCS / "all.md"))
    told = re.findall(r"^- \[`(\w+)\([^\n]*\)`\]\(gallery/\w+\.md#(\w+)\): .", text, re.MULTILINE)
    assert {name for name, _, _ in registered} <= {name for name, _ in told}
    assert all(name == anchor for name, anchor in told)
    assert "`length(target, unit='characters', penalty=1.0)`" in text


# The site ----------------------------------------------------------------------------------------


def test_the_site_builds(tmp_path):
    pytest.importorskip("mkdocs", reason="the docs extra is not installed")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "--quiet",
            "--site-dir",
            str(tmp_path),
        ],
        cwd=ROOT,
        env={**ENVIRONMENT, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    pages = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("index.html"))
    assert {"index.html", "all/index.html", "gallery/reward/index.html"} <= set(pages)
    for page in pages:
        html = read(tmp_path / page)
        assert 'src="http' not in html, f"{page} asks another host"
    assert "`length(target, unit='characters', penalty=1.0)`" in read(tmp_path / "llms.txt")


def test_every_page_is_in_the_navigation():
    nav = read(ROOT / "mkdocs.yml").partition("\nnav:\n")[2].partition("\n\n")[0]
    told = set(re.findall(r"^ +(?!#)-? *.*?([\w/-]+\.md)$", nav, re.MULTILINE))
    pages = {str(page.relative_to(DOCS)) for page in PAGES[1:]}
    assert told == pages | {f"gallery/{page}.md" for page in GALLERY}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "examples/plugin/README.md"])
def test_links_in_the_repository_lead_somewhere(page):
    links = re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", read(ROOT / page))
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_readme_names_every_reward(registered):
    table = read(ROOT / "README.md")
    known = {name for name, _, _ in registered}
    assert {name for name in known if f"`{name}`" in table} == known


# The reference -----------------------------------------------------------------------------------


def test_reference_has_every_public_name():
    text = "\n".join(map(read, PAGES))
    told = set(re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE))
    assert {f"rewardkit.{name}" for name in rewardkit.__all__} <= told
    for name in ("testing", "audit", "scoring", "report", "adapters.trl"):
        module = f"rewardkit.{name}"
        there = importlib.util.find_spec(module) is not None
        assert any(one == module or one.startswith(f"{module}.") for one in told) == there, module


# The presets -------------------------------------------------------------------------------------


def read_tables(page: Path) -> list[Any]:
    """Return a parameter set for every row under a heading that names a function."""
    rows = []
    name, number = "", 0
    for line in read(page).splitlines():
        if line.startswith("#"):
            heading = re.fullmatch(r"### `(\w+)`", line)
            name, number = heading[1] if heading else "", 0
        elif name and line.startswith("|") and not line.startswith(("| ---", "| what it shows |")):
            number += 1
            row = ROW.fullmatch(line)
            assert row is not None, f"not a row of a table: {line}"
            rows.append(pytest.param(name, *row.groups(), id=f"{name}-{number}"))
    return rows


ROWS = read_tables(DOCS / "presets.md")


def check_scores(
    name: str, completion: str, reference: str | None, published: str, mended: str
) -> None:
    if name == "format_and_language_reward_func":
        pytest.importorskip("langid")
    columns = {} if reference is None else {"answer": [eval(reference)]}  # noqa: S307 - our own page
    completions = [eval(completion)]  # noqa: S307 - our own page
    for holder, wanted in ((published_presets, published), (presets, mended)):
        (score,) = getattr(holder, name)(completions=completions, **columns)
        assert score == pytest.approx(float(wanted), abs=1e-9), holder.__name__


@pytest.mark.parametrize(("name", "completion", "reference", "published", "mended"), ROWS)
def test_preset_scores_what_its_table_says(name, completion, reference, published, mended):
    check_scores(name, completion, reference, published, mended)


def test_every_preset_has_a_table():
    told = [row.values[0] for row in ROWS]
    assert set(told) == set(presets.__all__) == set(published_presets.__all__)
    assert all(4 <= told.count(name) <= 12 for name in set(told))


def test_readme_figures_are_those_of_the_pages():
    text = " ".join(read(ROOT / "README.md").split())
    (tried, earn) = re.findall(r"tries (\d+) degenerate .*?: (\d+) of them earn", text)[0]
    audit = read(DOCS / "audit.md")
    assert f"\n{tried} degenerate completions, 4 rows of the sample 'xml_line'\n" in audit
    assert f"\nsoft_format_reward_func  asks for place, order, thought; {earn} exploits\n" in audit
    (ratio,) = re.findall(r"take ([.\d]+) of the time of the same rules by hand", text)
    assert re.search(
        rf"^\| all five \|.*\| {ratio} \| 100 % \|$", read(DOCS / "performance.md"), re.MULTILINE
    )
    (share,) = re.findall(r"and ([.\d]+) % of a step of \[a real run\]\(docs/(?:.+?)\.md\)", text)
    assert f"the rewards {share}% of the time" in read(DOCS / "runs/smollm2_arithmetic.md")


def test_readme_scores_are_those_of_the_presets():
    row = re.compile(
        r"\| `(\w+)` \| [^|`]+ \| `([^`]+)` \|(?: `([^`]+)`)? \| ([-.\d]+) \| ([-.\d]+) \|"
    )
    rows = [
        found.groups()
        for line in read(ROOT / "README.md").splitlines()
        if (found := row.fullmatch(line))
    ]
    assert len(rows) >= 5
    for told in rows:
        check_scores(*told)
