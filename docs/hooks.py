"""What mkdocs runs while it builds the site: it writes the gallery, llms.txt and fenced doctests.

The gallery is made of what is registered: each component's docstring, fields and example, and the
YAML that `rk.dump` gives for it. Nothing in it is written by hand, except the other names by which
people look for a component.
"""  # noqa: INP001 - not in a package

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import rewardkit as rk
from rewardkit.cli.info import component_info
from rewardkit.cli.printing import format_bounds
from rewardkit.component import Component, walk
from rewardkit.registry import lookup

KIND_TITLES = {"reward": "Rewards", "verifier": "Verifiers", "extractor": "Extractors"}
PAGE_TITLES = {**KIND_TITLES, "composition": "Composition"}
COMPOSITION = (
    *("linear", "product", "clip", "where", "schedule", "guard"),
    *("relative", "standardize", "difficulty", "best_of"),
)
FIELDS_OF_EVERY_REWARD = ("name", "log_why")
KIND_IN_TYPE = re.compile(r"(?<!`)\b(reward|verifier|extractor)\b(?!`)")
COMPONENTS_MARKER = "<!-- every component -->"
ALIASES_MARKER = "<!-- other names -->"
EXAMPLES_MARKER = "<!-- every example -->"
EXAMPLES = Path(__file__).parents[1] / "examples"
EXAMPLE_ROW = re.compile(r"^\| \[`(\w+\.py)`\]\([^)]+\) \| (.+) \| (.+) \|$", re.MULTILINE)
MAX_EXAMPLE_LINES = 120
ALIASES = {
    "correct": "accuracy reward, answer reward, outcome reward, verifiable reward, RLVR",
    "xml_soft": "format reward, soft format reward",
    "xml_strict": "format reward, strict format reward",
    "xml_count": "XML count reward",
    "tag_count": "tag count reward, format reward with partial credit",
    "think_format": "think format reward, R1 format reward, DeepSeek format, Qwen3 thinking",
    "overlong": "soft overlong punishment, DAPO length penalty",
    "cosine_length": "cosine scaled reward, cosine length reward",
    "kimi_length": "Kimi k1.5 length penalty, length reward by group",
    "length": "length reward, reward_len, brevity penalty",
    "repetition": "repetition penalty, n-gram penalty",
    "reasoning_steps": "reasoning steps reward, step count",
    "language": "language consistency reward",
    "judge": "LLM as a judge, generative reward model, rubric reward, jury of models",
    "relative_judge": "RULER, group-relative judge, pairwise judge, listwise judge",
    "reward_model": "Bradley-Terry reward model, scalar reward model, sequence classifier",
    "standardize": "reward normalization, running mean, z-score, whitening",
    "schedule": "curriculum, weight annealing",
    "product": "gated reward, conditional reward",
    "linear": "weighted sum, reward weights",
    "clip": "clamp",
    "where": "multi-task reward, mixture of tasks",
    "guard": "error handling, fallback reward",
    "code": "code execution reward, unit test reward, sandbox, HumanEval, MBPP",
    "math": "math-verify, MATH, symbolic equivalence, SymPy",
    "number": "GSM8K, numeric match",
    "exact": "string match",
    "exact_match": "SQuAD exact match, EM, normalised match",
    "token_f1": "SQuAD F1, word overlap, question answering",
    "iou": "intersection over union, bounding box, visual grounding, point in box",
    "relative": "rank in the group, z-score, group normalisation",
    "difficulty": "DAPO dynamic sampling, pass rate, curriculum",
    "best_of": "best of n, pass at k",
    "json_schema": "structured output, JSON mode, function calling",
    "boxed": "\\boxed, last boxed answer",
    "hash": "####, GSM8K answer",
    "choice": "multiple choice, MMLU",
}
"""Other names of components, so that the site's search finds them by what other projects say."""

# The gallery --------------------------------------------------------------------------------------


class Entry(NamedTuple):
    """A component in the gallery."""

    name: str
    """The registered name."""
    page: str
    """Which page it is on: its kind, or `composition`."""
    cls: type[Component]

    @property
    def summary(self) -> str:
        """The first sentence of the docstring."""
        return component_info(self.cls).summary

    @property
    def link(self) -> str:
        """The link to it from another page of the gallery."""
        return f"{self.page}.md#{self.name}"


@cache
def list_entries() -> tuple[Entry, ...]:
    """Return every registered component: by page, then in the order of its module.

    >>> [entry.name for entry in list_entries() if entry.page == "composition"][:4]
    ['linear', 'product', 'clip', 'where']
    """
    entries = []
    for kind in KIND_TITLES:
        for name in rk.names(kind):
            page = "composition" if name in COMPOSITION else kind
            entries.append(Entry(name, page, lookup(name)))
    return tuple(sorted(entries, key=_sort_key))


def _sort_key(entry: Entry) -> tuple[Any, ...]:
    page = [*PAGE_TITLES].index(entry.page)
    if entry.page == "composition":  # from the sum to the safety net, as the docs explain them
        return page, "", COMPOSITION.index(entry.name)
    return page, entry.cls.__module__, inspect.getsourcelines(entry.cls)[1]


def write_gallery() -> dict[str, str]:
    """Return the gallery's pages as Markdown, by their path in the docs."""
    pages = {"gallery/index.md": "\n".join(_write_index())}
    for page in PAGE_TITLES:
        pages[f"gallery/{page}.md"] = "\n".join(_write_page(page))
    return pages


def write_signatures() -> str:
    """Return every component with its fields and defaults, a list for each kind, as Markdown."""
    lines: list[str] = []
    for page, title in PAGE_TITLES.items():
        lines += ["", f"### {title}", ""]
        for entry in list_entries():
            if entry.page == page:
                signature = f"`{entry.name}({', '.join(_list_fields(entry.cls))})`"
                lines.append(f"- [{signature}](gallery/{entry.link}): {entry.summary}")
    return "\n".join(lines)


def write_aliases() -> str:
    """Return the table of components with their other names, as Markdown."""
    lines = ["| other names | component |", "| --- | --- |"]
    for entry in list_entries():
        if entry.name in ALIASES:
            link = f"[`{entry.name}`](gallery/{entry.link})"
            lines.append(f"| {ALIASES[entry.name]} | {link} |")
    return "\n".join(lines)


def _list_fields(cls: type[Component]) -> Iterator[str]:
    for field in component_info(cls).fields:
        if field.name not in FIELDS_OF_EVERY_REWARD:
            yield field.name if field.required else f"{field.name}={field.default!r}"


def _write_index() -> Iterator[str]:
    yield "# Gallery"
    yield ""
    yield f"All {len(list_entries())} registered components, generated from the code. In Python use"
    yield "their classes, in YAML their names (the key `type`). `rewardkit show NAME` prints the"
    yield "same in a terminal."
    for page, title in PAGE_TITLES.items():
        yield f"\n## {title}\n"
        yield "| name | what it does |"
        yield "| --- | --- |"
        for entry in list_entries():
            if entry.page == page:
                summary = entry.summary.replace("|", r"\|")
                yield f"| [`{entry.name}`]({entry.link}) | {summary} |"
    yield ""


def _write_page(page: str) -> Iterator[str]:
    yield f"# {PAGE_TITLES[page]}"
    yield ""
    if page in ("reward", "composition"):
        yield "Every reward also has the fields `name` (its name in a trainer's logs; `None` for"
        yield "the registered one) and `log_why` (whether to log each row's reason to the trainer's"
        yield "table of completions; `False`)."
    modules = [
        (importlib.import_module(name), [*group])
        for name, group in groupby(
            (entry for entry in list_entries() if entry.page == page),
            key=attrgetter("cls.__module__"),
        )
    ]
    for module, group in modules:
        # a heading for a module with several components; a module with one has its docstring there
        grouped = len(group) > 1 and len(modules) > 1 and page != "composition"
        module_doc = inspect.cleandoc(module.__doc__ or "")
        if grouped:
            name = module.__name__.rpartition(".")[2]
            yield f"\n## {name.upper() if len(name) <= len('xml') else name.capitalize()}"
        if len(group) > 1 and page != "composition":
            yield f"\n{module_doc}"
        about = "" if len(group) > 1 or page == "composition" else module_doc
        for entry in group:
            yield from _write_entry(entry, level=3 if grouped else 2, about=about)
    yield ""


def _write_entry(entry: Entry, *, level: int, about: str) -> Iterator[str]:
    """Yield the lines on one component; `about` is its module's docstring, if it is alone there."""
    cls = entry.cls
    info = component_info(cls)
    instance = example_instance(cls)
    yield f"\n{'#' * level} `{entry.name}` {{ #{entry.name} }}"
    yield f"\n{cls.component_kind} · `{cls.__module__}.{cls.__qualname__}`"
    yield f"\n{info.text}"
    if about:
        yield f"\n{about}"
    if entry.name in ALIASES:
        yield f"\n**Also called.** {ALIASES[entry.name]}."
    if isinstance(instance, rk.Reward):
        yield f"\n**Gives.** {_returned(cls.score)}"
        example_bounds = format_bounds(instance.bounds)
        yield f"\n**Bounds.** {_one_line_doc(cls.bounds)} In the YAML below: {example_bounds}."
        if not isinstance(cls.pointwise, property) and not cls.pointwise:
            yield "\n**Over a group.** A row's score depends on the other rows of its prompt."
    else:
        method = cls.verify if isinstance(instance, rk.Verifier) else cls.extract
        yield f"\n**Gives.** {_returned(method)}"
    fields = [field for field in info.fields if field.name not in FIELDS_OF_EVERY_REWARD]
    yield "\n**Fields.**" + ("" if fields else " None.")
    for field in fields:
        type_text = KIND_IN_TYPE.sub(r"[\1](\1.md)", field.type)
        default = "required" if field.required else f"default `{field.default!r}`"
        yield f"\n`{field.name}` · {type_text} · {default}\n:   {field.doc}"
    yield f"\n```pycon\n{info.example}\n```"
    yield f"\n```yaml\n{rk.dump(instance)}```"


def example_instance(cls: type[Component]) -> Component:
    """Return the first component of a class that its docstring's example makes and YAML can hold.

    >>> example_instance(lookup("length"))
    Length(target=3.0, unit='words')
    """
    names = dict(vars(importlib.import_module(cls.__module__)))
    for example in doctest.DocTestParser().get_examples(cls.__doc__ or ""):
        for node in ast.walk(ast.parse(example.source)):
            # a call of the class, or the operators that make sums and products
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if not (named or isinstance(node, ast.BinOp)):
                continue
            code = compile(ast.Expression(node), cls.__name__, "eval")
            with suppress(NameError):  # it uses a variable of a comprehension
                value = eval(code, names)  # noqa: S307 - our own example
                if isinstance(value, cls) and all(part.registered_name for part in walk(value)):
                    return value
        exec(example.source, names)  # noqa: S102 - our own example
    message = f"the example of {cls.__name__} makes no instance that YAML can hold; add one"
    raise ValueError(message)


def _one_line_doc(documented: Any) -> str:
    return " ".join((inspect.getdoc(documented) or "").split())


def _returned(method: Any) -> str:
    # "Return the sums." in the code is "Gives. The sums." on the page
    text = _one_line_doc(method).removeprefix("Return ")
    return text[:1].upper() + text[1:]


# Examples ----------------------------------------------------------------------------------------


def write_examples() -> str:
    """Return each script of the table in examples/README.md with its code, as Markdown.

    >>> write_examples().startswith("## `gsm8k_unsloth.py`")
    True
    """
    lines = []
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for name, summary, needs in EXAMPLE_ROW.findall(table):
        code = (EXAMPLES / name).read_text(encoding="utf-8")
        if code.count("\n") <= MAX_EXAMPLE_LINES:  # the demo is too long to read here
            sentence = f"{summary[:1].upper()}{summary[1:]}. Needs {needs}."
            # four backticks, since a script may have three
            fenced = f'````python title="{name}"\n{code}````'
            lines += [f"## `{name}`", "", sentence, "", fenced, ""]
    return "\n".join(lines)


# Examples in docstrings ---------------------------------------------------------------------------


class FencedDoctests:
    """A Markdown preprocessor: without a fence, `>>>` would be read as a quotation."""

    def run(self, lines: list[str]) -> list[str]:
        """Put a fence around each doctest that is not in one.

        >>> FencedDoctests().run(["Adds.", "", ">>> 1 + 1", "2"])
        ['Adds.', '', '```pycon', '>>> 1 + 1', '2', '```']
        """
        fenced: list[str] = []
        in_other_fence = in_our_fence = False
        for line in lines:
            if line.lstrip().startswith("```"):
                in_other_fence = not in_other_fence
            elif not in_other_fence and not in_our_fence and line.startswith(">>> "):
                in_our_fence = True
                fenced.append("```pycon")
            elif in_our_fence and not line.strip():
                in_our_fence = False
                fenced.append("```")
            fenced.append(line)
        return [*fenced, "```"] if in_our_fence else fenced


# llms.txt -----------------------------------------------------------------------------------------


def write_llms_txt(config: Any) -> str:
    """Return the site's index for language models: every page of the navigation, by section."""
    lines = [f"# {config.site_name}", "", f"> {config.site_description}"]
    for title, links in _list_sections(config.nav, "Docs"):
        lines += ["", f"## {title}", ""]
        for page_title, path in links:
            # mkdocs writes index.md to its folder, and name.md to name/
            folder = re.sub(r"(^|/)index\.md$", r"\1", path).removesuffix(".md")
            address = f"{folder.rstrip('/')}/" if folder else ""
            lines.append(f"- [{page_title}]({config.site_url or '/'}{address})")
    return "\n".join(lines) + "\n"


def _list_sections(nav: Sequence[Any], title: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    links, sections = [], []
    for item in nav:
        ((name, content),) = item.items() if isinstance(item, dict) else [(title, item)]
        if isinstance(content, list):
            sections.append((name, content))
        else:
            links.append((name, content))
    if links:
        yield title, links
    for name, content in sections:
        yield from _list_sections(content, name)


# What mkdocs calls --------------------------------------------------------------------------------


def on_config(config: Any) -> Any:
    """Add the preprocessor to mkdocs' Markdown."""
    from markdown.extensions import Extension  # noqa: PLC0415 - pytest imports this without mkdocs

    class DoctestExtension(Extension):
        def extendMarkdown(self, md: Any) -> None:  # noqa: N802 - Markdown's name for it
            # above fenced_code (25) and superfences, which would not see our fences otherwise
            md.preprocessors.register(FencedDoctests(), "doctests", 100)

    config.markdown_extensions.append(DoctestExtension())
    return config


def on_page_markdown(markdown: str, **_page: Any) -> str:
    """Put the generated lists where a page asks for them."""
    for marker, write in (
        (COMPONENTS_MARKER, write_signatures),
        (ALIASES_MARKER, write_aliases),
        (EXAMPLES_MARKER, write_examples),
    ):
        if marker in markdown:
            markdown = markdown.replace(marker, write())
    return markdown


def on_post_build(config: Any) -> None:
    """Write llms.txt, and the tutorial as plain text, where language models look for them."""
    site = Path(config.site_dir)
    (site / "llms.txt").write_text(write_llms_txt(config), encoding="utf-8")
    tutorial = Path(config.docs_dir, "tutorial.md").read_text(encoding="utf-8")
    (site / "llms-full.txt").write_text(on_page_markdown(tutorial), encoding="utf-8")


def on_files(files: Any, config: Any) -> Any:
    """Add the gallery's pages."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - pytest imports this without mkdocs

    # plugins that happen to be installed on this machine do not belong on the site
    os.environ["REWARDKIT_NO_PLUGINS"] = "1"
    for path, text in write_gallery().items():
        files.append(File.generated(config, path, content=text))
    return files
