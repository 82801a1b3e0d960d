"""The examples of the docs run, and their tables and figures match the code."""

from __future__ import annotations

import doctest
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import rewardkit as rk
from pages import NO_PLUGINS, ROOT, Page, blocks
from rewardkit import presets, registry
from rewardkit.audit import ZOO, audit, preflight
from rewardkit.presets import published as published_presets
from rewardkit.testing import LAWS
from tiny_run import build_once

DOCS = ROOT / "docs"
ROW = re.compile(r"\| [^|`]+ \| `([^`]+)` \|(?: `([^`]+)` \|)? ([-.\d]+) \| ([-.\d]+) \|")
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
GALLERY = ("index", "reward", "verifier", "extractor", "composition")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def read_prose(page: Path) -> str:
    """Return the text of a page without its code blocks, on one line."""
    return " ".join(re.sub(r"^```.*?^```", "", read(page), flags=re.MULTILINE | re.DOTALL).split())


@pytest.fixture(scope="module")
def registered() -> list[tuple[str, str]]:
    """The name and kind of each of the project's own components; tests register others."""
    return [
        (name, kind)
        for kind in ("reward", "verifier", "extractor")
        for name in rk.names(kind)
        if registry.lookup(name).__module__.startswith("rewardkit.")
    ]


# The examples ------------------------------------------------------------------------------------


@pytest.fixture
def runner(tmp_path, monkeypatch, request, forked):
    """Runs a page in a temporary folder; components that it registers are removed afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_registry", dict(registry._registry))
    page = request.node.callspec.params.get("page", "") if hasattr(request.node, "callspec") else ""
    return Page(str(page), tmp_path, monkeypatch)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_blocks_of_a_page_run(page, runner):
    runner.run(read(page))


@pytest.mark.parametrize("page", GALLERY)
def test_blocks_of_the_gallery_run(page, gallery, runner):
    runner.run(gallery[f"gallery/{page}.md"])


def test_a_wrong_example_is_found(runner):
    for text, error in {
        "```pycon\n>>> 1 + 1\n3\n```": AssertionError,
        "```python\nimport rewardkit as rk\nrk.build('length', targt=1)\n```": ValueError,
        "```yaml\ntype: length\ntargt: 1\n```": ValueError,
        "```sh\nmake nothing\n```": AssertionError,
        "```sh\npip install 'rewardkit[nothing]'\n```": AssertionError,
        "```sh\nrewardkit show nothing\n```": AssertionError,
        "```pyton\n1\n```": AssertionError,
    }.items():
        with pytest.raises(error):
            runner.run(text)


def test_blocks_that_are_not_run_say_why():
    remarks = [block.remark for page in PAGES for block in blocks(read(page)) if block.remark]
    assert remarks
    assert all(
        re.fullmatch(r"<!-- (run with mocks: needs|not run:) .+ -->", remark) for remark in remarks
    )


def test_the_first_reward_of_the_readme_passes_audit_and_preflight(runner):
    pytest.importorskip("trl")
    runner.run(read(ROOT / "README.md"))
    reward = runner.names["reward"]
    assert isinstance(reward, rk.Reward)
    assert audit(reward).findings == ()
    rows = [{"answer": "42"}, {"answer": "1,000"}]
    assert (
        preflight(reward, rows, template="So it is\n<answer>\n{answer}\n</answer>").problems == ()
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
def gallery(hooks, registered) -> Iterator[dict[str, str]]:
    """The generated pages, of the project's own components."""
    with pytest.MonkeyPatch.context() as patch:
        known = {name: registry.lookup(name) for name, _ in registered}
        patch.setattr(registry, "_registry", known)
        yield hooks.write_gallery()


def test_every_component_is_in_the_gallery(gallery, registered):
    links = re.findall(
        r"^\| \[`(\w+)`\]\((\w+)\.md#(\w+)\) \| .", gallery["gallery/index.md"], re.MULTILINE
    )
    assert sorted(name for name, _, _ in links) == sorted(name for name, _ in registered)
    kinds = dict(registered)
    for name, page, anchor in links:
        text = gallery[f"gallery/{page}.md"]
        section = re.search(
            rf"^##+ `{name}` {{ #{anchor} }}$(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL
        )
        assert section is not None, name
        assert page in (kinds[name], "composition")
        assert section[1].lstrip().startswith(f"{kinds[name]} · `rewardkit.")
        assert f"\ntype: {name}\n" in section[1]
        assert ">>> " in section[1]
        for field in registry.lookup(name).model_fields:
            documented = re.search(rf"^`{field}` · .+ · .+\n:   \S", section[1], re.MULTILINE)
            assert documented or field in ("name", "log_why"), f"{name}.{field}"


def test_the_gallery_lists_the_values_of_a_field(gallery):
    rewards = gallery["gallery/reward.md"]
    assert "`target` · `float` at least 0 · required" in rewards
    units = '`"characters"`, `"words"`, `"tokens"`, `"turns"` or `"calls"`'
    assert f"`unit` · {units} · default `'characters'`" in rewards
    assert "`extractor` · [extractor](extractor.md) · default `Tag()`" in rewards
    assert "non-empty list of non-empty `str`" in rewards
    assert "list of (`float` above 0, `float`)" in rewards
    assert "In the YAML below: no min, max 0." in rewards


def test_other_names_belong_to_components(hooks, gallery, registered):
    assert set(hooks.ALIASES) <= {name for name, _ in registered}
    assert "**Also called.** accuracy reward" in gallery["gallery/reward.md"]
    assert "soft overlong punishment" in hooks.on_page_markdown(read(DOCS / "terms.md"))


def test_the_examples_are_shown_with_their_code(hooks):
    text = hooks.on_page_markdown(read(DOCS / "examples.md"))
    for path in (ROOT / "examples").glob("*.py"):
        assert (read(path) in text) == (path.name != "demo.py")


def test_examples_in_the_hooks_run(hooks):
    assert doctest.testmod(hooks).failed == 0


def test_the_tutorial_lists_every_extra():
    project = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]
    table = read(DOCS / "tutorial.md").partition("## Install")[2].partition("## ")[0]
    listed = {name for name in project["optional-dependencies"] if f"`{name}`" in table}
    assert listed == set(project["optional-dependencies"])


def test_the_tutorial_lists_every_component(hooks, registered):
    text = hooks.on_page_markdown(read(DOCS / "tutorial.md"))
    listed = re.findall(r"^- \[`(\w+)\([^\n]*\)`\]\(gallery/\w+\.md#(\w+)\): .", text, re.MULTILINE)
    assert {name for name, _ in registered} <= {name for name, _ in listed}
    assert all(name == anchor for name, anchor in listed)
    assert "`length(target, unit='characters', penalty=1.0)`" in text


# The site ----------------------------------------------------------------------------------------


def build_site(folder: Path) -> None:
    """Build the site in FOLDER/site."""
    # a fifth of the time is the garbage collector's
    code = "import gc; gc.disable(); from mkdocs.__main__ import cli; cli()"
    build = [sys.executable, "-c", code, "build", "--strict", "--quiet"]
    done = subprocess.run(
        [*build, "--site-dir", str(folder / "site")],
        cwd=ROOT,
        env={**os.environ, **NO_PLUGINS, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built once."""
    pytest.importorskip("mkdocs", reason="the docs extra is not installed")
    return build_once(tmp_path_factory, "site", build_site) / "site"


def test_the_site_loads_nothing_from_other_hosts(site):
    pages = sorted(site.rglob("index.html"))
    names = {str(page.parent.relative_to(site)) for page in pages}
    assert {".", "tutorial", "gallery/reward"} <= names
    for page in pages:
        assert 'src="http' not in read(page), f"{page} loads from another host"


def test_llms_txt_lists_every_page(site):
    index = read(site / "llms.txt")
    assert index.startswith("# rewardkit\n\n> ")
    addresses = re.findall(r"^- \[[^\]]+\]\((?:https?://[^/)]+)?/([^)]*)\)$", index, re.MULTILINE)
    pages = {str(page.parent.relative_to(site)) for page in site.rglob("index.html")}
    assert {address.rstrip("/") or "." for address in addresses} == pages
    full = read(site / "llms-full.txt")
    assert "`length(target, unit='characters', penalty=1.0)`" in full


def test_copied_code_has_no_prompts_and_no_output(site):
    """The theme copies what its style sheet shows while it copies: one element per line."""
    html = read(site / "tutorial" / "index.html")
    assert re.search(r'<span id="__span-\d+-\d+">.*<span class="gp">', html)
    style = read(site / "style.css")
    assert "[data-md-copying] .gp {\n  display: none;" in style
    assert '[data-md-copying] span[id^="__span"]:has(> .go' in style


def test_every_page_is_in_the_navigation():
    nav = read(ROOT / "mkdocs.yml").partition("\nnav:\n")[2].partition("\n\n")[0]
    listed = set(re.findall(r"^ +(?!#)-? *.*?([\w/-]+\.md)$", nav, re.MULTILINE))
    pages = {str(page.relative_to(DOCS)) for page in PAGES[1:]}
    assert listed == pages | {f"gallery/{page}.md" for page in GALLERY}


@pytest.mark.parametrize(
    "page",
    [
        *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"),
        *("examples/README.md", "examples/plugin/README.md"),
    ],
)
def test_links_in_the_repository_lead_somewhere(page):
    links = re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", read(ROOT / page))
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_the_citation_has_the_version():
    assert f"\nversion: {rk.__version__}\n" in read(ROOT / "CITATION.cff")


def test_readme_names_every_reward(registered):
    text = read(ROOT / "README.md")
    assert [name for name, _ in registered if f"`{name}`" not in text] == []


# The reference -----------------------------------------------------------------------------------


def test_reference_has_every_public_name():
    text = "\n".join(map(read, PAGES))
    listed = set(re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE))
    modules = {"rewards", "verify", "extract", "presets"}  # in the gallery and the presets' page
    names = set(rk.__all__) - modules - {"__version__"}
    assert {f"rewardkit.{name}" for name in names} <= listed
    for name in ("testing", "audit", "scoring", "report", "adapters.trl"):
        module = f"rewardkit.{name}"
        assert any(one == module or one.startswith(f"{module}.") for one in listed), module


# The presets -------------------------------------------------------------------------------------


def read_tables(page: Path) -> list[Any]:
    """Return a parameter set for each table row under a heading that names a function."""
    rows = []
    name, number = "", 0
    for line in read(page).splitlines():
        if line.startswith("#"):
            heading = re.fullmatch(r"### `(\w+)`", line)
            name, number = heading[1] if heading else "", 0
        elif name and line.startswith("|") and not line.startswith(("| ---", "| case |")):
            number += 1
            row = ROW.fullmatch(line)
            assert row is not None, f"not a row of a table: {line}"
            rows.append(pytest.param(name, *row.groups(), id=f"{name}-{number}"))
    return rows


ROWS = read_tables(DOCS / "presets.md")


def check_scores(
    name: str, completion: str, reference: str | None, published: str, fixed: str
) -> None:
    if name == "format_and_language_reward_func":
        pytest.importorskip("langid")
    columns = {} if reference is None else {"answer": [eval(reference)]}  # noqa: S307 - our own page
    completions = [eval(completion)]  # noqa: S307 - our own page
    for module, expected in ((published_presets, published), (presets, fixed)):
        (score,) = getattr(module, name)(completions=completions, **columns)
        assert score == pytest.approx(float(expected), abs=1e-9), module.__name__


@pytest.mark.parametrize(("name", "completion", "reference", "published", "fixed"), ROWS)
def test_preset_scores_match_its_table(name, completion, reference, published, fixed):
    check_scores(name, completion, reference, published, fixed)


def test_every_preset_has_a_table():
    names = [row.values[0] for row in ROWS]
    assert set(names) == set(presets.__all__) == set(published_presets.__all__)
    assert all(4 <= names.count(name) <= 12 for name in set(names))


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
    for row_values in rows:
        check_scores(*row_values)
    # the front page of the site shows some of them, with the completion in words
    scores = {(name, float(published), float(fixed)) for name, _, _, published, fixed in rows}
    front = re.findall(
        r"^\| `(\w+)` \| .+ \| ([-.\d]+) \| ([-.\d]+) \|$", read(DOCS / "index.md"), re.MULTILINE
    )
    assert len(front) >= 5
    assert {(name, float(published), float(fixed)) for name, published, fixed in front} <= scores


# Figures -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_figures_in_the_text_are_those_of_the_code(page):
    """A page that gives the number of laws or of zoo entries gives the actual number."""
    text = read_prose(page)
    count = r"(\d+|[a-z]*(?:teen|twenty|thirty|hundred)) "
    assert {*re.findall(rf"{count}\[?laws\b", text)} <= {str(len(LAWS))}
    kinds = ("reward", "verifier", "extractor")
    split = tuple(str(sum(kind in law.kinds for law in LAWS.values())) for kind in kinds)
    by_kind = r"(\d+) for rewards, (\d+) for verifiers, (\d+) for extractors"
    assert {*re.findall(by_kind, text)} <= {split}
    hacks = rf"{count}(?:known )?(?:reward-hacking|degenerate|such) completions"
    assert {*re.findall(hacks, text)} <= {str(len(ZOO))}


def test_readme_figures_are_those_of_the_pages():
    text = read_prose(ROOT / "README.md")
    (count,) = re.findall(r"(\d+) of them earn the full published soft format reward", text)
    assert f"\nsoft_format_reward_func  {count} exploits" in read(DOCS / "audit.md")
    together = (
        "in less than two thirds of the time of the published functions, and in less than half"
    )
    assert together in text
    rows = re.findall(
        r"^\| (`\w+`|all five.*?) \|(.+)$", read(DOCS / "performance.md"), re.MULTILINE
    )
    ratios = {name: [*map(float, re.findall(r"\| (\S+) \(", row))] for name, row in rows}
    for published, by_hand in (ratios["all five"], ratios["all five, an arrow in each text"]):
        assert published < 2 / 3
        assert by_hand < 1 / 2
    alone = [name for name in ("`int_reward_func`", "`correctness_reward_func`") if name in text]
    assert len(alone) == 2
    assert min(ratios[name][0] for name in alone) > 1
    (share,) = re.findall(r"take ([.\d]+) % of a step of \[a real run\]\(docs/(?:.+?)\.md\)", text)
    assert f"{share}%" in read(DOCS / "runs" / "smollm2_arithmetic.md")
