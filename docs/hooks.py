"""What mkdocs runs while it builds the site: it writes the gallery, and shows doctests as code.

The gallery is made of what is registered: each component's docstring, fields and example, and the
YAML that `rk.dump` gives for it. Nothing in it is written by hand.
"""  # noqa: INP001 - no package

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import rewardkit as rk
from rewardkit.cli.card import between, card
from rewardkit.component import Component, walk
from rewardkit.registry import lookup

KINDS = {"reward": "Rewards", "verifier": "Verifiers", "extractor": "Extractors"}
PAGES = {**KINDS, "algebra": "The algebra"}
EVERY_REWARD = ("name", "log_why")
_KIND = re.compile(r"(?<!`)\b(reward|verifier|extractor)\b(?!`)")
EVERY_COMPONENT = "<!-- every component -->"

# The gallery --------------------------------------------------------------------------------------


class Entry(NamedTuple):
    """What the gallery says of one component."""

    name: str
    """The registered name."""
    page: str
    """Which page it is on: its kind, or `algebra`."""
    cls: type[Component]
    """The class."""

    @property
    def summary(self) -> str:
        """The first sentence of the docstring."""
        return card(self.cls).summary

    @property
    def link(self) -> str:
        """Where the component stands, from another page of the gallery."""
        return f"{self.page}.md#{self.name}"


@cache
def entries() -> tuple[Entry, ...]:
    """Return every registered component, in the order in which its module declares them.

    >>> [entry.name for entry in entries() if entry.page == "algebra"]
    ['linear', 'product', 'clip', 'where', 'schedule', 'guard']
    """
    found = []
    for kind in KINDS:
        for name in rk.names(kind):
            cls: type[Component] = lookup(name)
            algebra = cls.__module__ == rk.Reward.__module__
            found.append(Entry(name, "algebra" if algebra else kind, cls))
    return tuple(sorted(found, key=_place))


def gallery() -> dict[str, str]:
    """Return the gallery's pages as Markdown, by their path in the docs."""
    pages = {"gallery/index.md": "\n".join(_index())}
    for page in PAGES:
        pages[f"gallery/{page}.md"] = "\n".join(_page(page))
    return pages


def signatures() -> str:
    """Return every component with its fields and defaults, a list for each kind, as Markdown."""
    lines: list[str] = []
    for page, title in PAGES.items():
        lines += ["", f"### {title}", ""]
        for entry in entries():
            if entry.page == page:
                signature = f"`{entry.name}({', '.join(_fields(entry.cls))})`"
                lines.append(f"- [{signature}](gallery/{entry.link}): {entry.summary}")
    return "\n".join(lines)


def _fields(cls: type[Component]) -> Iterator[str]:
    """Yield each field of a class, with its default where there is one."""
    for field in card(cls).fields:
        if field.name not in EVERY_REWARD:
            yield field.name if field.required else f"{field.name}={field.default!r}"


def _place(entry: Entry) -> tuple[int, str, int]:
    """Return what orders the components: by page, then by module, then as they are declared."""
    return (
        [*PAGES].index(entry.page),
        entry.cls.__module__,
        inspect.getsourcelines(entry.cls)[1],
    )


def _index() -> Iterator[str]:
    """Yield the lines of the first page: a table of all components for each kind."""
    yield "# Gallery"
    yield ""
    yield f"All {len(entries())} components, as they are registered. `rk.build(name, ...)` makes"
    yield "one, and so does YAML with the key `type`. This page and the four below it are generated"
    yield "from the code. `rewardkit show NAME` prints the same in a terminal."
    for page, title in PAGES.items():
        yield f"\n## {title}\n"
        yield "| name | what it does |"
        yield "| --- | --- |"
        for entry in entries():
            if entry.page == page:
                summary = entry.summary.replace("|", r"\|")
                yield f"| [`{entry.name}`]({entry.link}) | {summary} |"
    yield ""


def _page(page: str) -> Iterator[str]:
    """Yield the lines of one page: its modules, and in each its components."""
    yield f"# {PAGES[page]}"
    yield ""
    if page in ("reward", "algebra"):
        yield "Every reward also has the fields `name` (its name in a trainer's logs; `None` for"
        yield "the registered one) and `log_why` (whether each row's reason goes to the trainer's"
        yield "table of completions; `False`)."
    modules = [
        (importlib.import_module(name), [*group])
        for name, group in groupby(
            (entry for entry in entries() if entry.page == page), key=attrgetter("cls.__module__")
        )
    ]
    for module, group in modules:
        family = len(group) > 1 and len(modules) > 1
        about = inspect.cleandoc(module.__doc__ or "")
        if family:
            name = module.__name__.rpartition(".")[2]
            yield f"\n## {name.upper() if len(name) <= len('xml') else name.capitalize()}"
        if len(group) > 1:
            yield f"\n{about}"
        for entry in group:
            yield from _entry(
                entry, level=3 if family else 2, about="" if len(group) > 1 else about
            )
    yield ""


def _entry(entry: Entry, *, level: int, about: str) -> Iterator[str]:
    """Yield the lines about one component; `about` is its module's docstring, if it is alone."""
    cls = entry.cls
    known = card(cls)
    made = instance(cls)
    yield f"\n{'#' * level} `{entry.name}` {{ #{entry.name} }}"
    yield f"\n{cls.component_kind} · `{cls.__module__}.{cls.__qualname__}`"
    yield f"\n{known.text}"
    if about:
        yield f"\n{about}"
    if isinstance(made, rk.Reward):
        yield f"\n**Gives.** {_doc(cls.score)}"
        yield f"\n**Bounds.** {_doc(cls.bounds)} Of the one below: {between(made.bounds)}."
        if not isinstance(cls.pointwise, property) and not cls.pointwise:
            yield "\n**Over a group.** A row's score depends on the other rows of its prompt."
    else:
        method = cls.verify if isinstance(made, rk.Verifier) else cls.extract
        yield f"\n**Gives.** {_doc(method)}"
    own = [field for field in known.fields if field.name not in EVERY_REWARD]
    yield "\n**Fields.**" + ("" if own else " None.")
    for field in own:
        kind = _KIND.sub(r"[\1](\1.md)", field.type)
        default = "required" if field.required else f"default `{field.default!r}`"
        yield f"\n`{field.name}` · {kind} · {default}\n:   {field.doc}"
    yield f"\n```pycon\n{known.example}\n```"
    yield f"\n```yaml\n{rk.dump(made)}```"


def instance(cls: type[Component]) -> Component:
    """Return the first component of a class that its docstring's example makes and YAML can hold.

    >>> instance(lookup("length"))
    Length(target=3.0, unit='words')
    """
    names = dict(vars(importlib.import_module(cls.__module__)))
    for example in doctest.DocTestParser().get_examples(cls.__doc__ or ""):
        for node in ast.walk(ast.parse(example.source)):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if not (named or isinstance(node, ast.BinOp)):
                continue
            code = compile(ast.Expression(node), cls.__name__, "eval")
            with suppress(NameError):  # a name of a function or class in the example
                value = eval(code, names)  # noqa: S307 - an example of our own
                if isinstance(value, cls) and all(part.registered_name for part in walk(value)):
                    return value
        exec(example.source, names)  # noqa: S102 - the same
    message = f"the example of {cls.__name__} makes none; give it one that does"
    raise ValueError(message)


def _doc(documented: Any) -> str:
    """Return a docstring on one line."""
    return " ".join((inspect.getdoc(documented) or "").split())


# Examples in docstrings ---------------------------------------------------------------------------


class Examples:
    """A Markdown preprocessor: without a fence, `>>>` would be read as a quotation."""

    def run(self, lines: list[str]) -> list[str]:
        """Return the lines with a fence around each doctest that has none.

        >>> Examples().run(["Adds.", "", ">>> 1 + 1", "2"])
        ['Adds.', '', '```pycon', '>>> 1 + 1', '2', '```']
        """
        fenced: list[str] = []
        theirs = ours = False
        for line in lines:
            if line.lstrip().startswith("```"):
                theirs = not theirs
            elif not theirs and not ours and line.startswith(">>> "):
                ours = True
                fenced.append("```pycon")
            elif ours and not line.strip():
                ours = False
                fenced.append("```")
            fenced.append(line)
        return [*fenced, "```"] if ours else fenced


# What mkdocs calls --------------------------------------------------------------------------------


def on_config(config: Any) -> Any:
    """Add the preprocessor to mkdocs' Markdown."""
    from markdown.extensions import Extension  # noqa: PLC0415 - pytest imports this without mkdocs

    class ExamplesExtension(Extension):
        def extendMarkdown(self, md: Any) -> None:  # noqa: N802 - Markdown's name for it
            md.preprocessors.register(Examples(), "examples", 100)

    config.markdown_extensions.append(ExamplesExtension())
    return config


def on_page_markdown(markdown: str, **_page: Any) -> str:
    """Put the list of every component where a page asks for it."""
    return (
        markdown.replace(EVERY_COMPONENT, signatures()) if EVERY_COMPONENT in markdown else markdown
    )


def on_post_build(config: Any) -> None:
    """Write the page on all of rewardkit as plain text too, where language models look for it."""
    text = Path(config.docs_dir, "all.md").read_text(encoding="utf-8")
    Path(config.site_dir, "llms.txt").write_text(on_page_markdown(text), encoding="utf-8")


def on_files(files: Any, config: Any) -> Any:
    """Add the gallery's pages, without what plugins on this machine register."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - pytest imports this without mkdocs

    os.environ["REWARDKIT_NO_PLUGINS"] = "1"
    for path, text in gallery().items():
        files.append(File.generated(config, path, content=text))
    return files
