"""Templates into pages: escaped, with the style and the script inline and named in the policy."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from unicodedata import category

from rewardkit import __version__
from rewardkit._files.journal import write_atomically
from rewardkit._optional import require
from rewardkit.report import charts
from rewardkit.report.formatting import (
    MAX_TEXT_CHARACTERS,
    cut_middle,
    number,
    percent,
    shorten,
    split_hundred,
    two_decimals,
)

EXTRA = "rewardkit[report]"
TEMPLATES = ("macros.html", "page.html", "diff.html")


def render(template: str, *, script: str | None = None, **context: Any) -> bytes:
    """Render a template of this package with its style, and a script if it has one."""
    style, code = _read_file("page.css"), _read_file(script) if script else ""
    page: str = (
        _load_templates()
        .get_template(template)
        .render(
            version=__version__,
            charts=charts,
            style=_Inline(style),
            script=_Inline(code),
            style_hash=_policy_hash(style),
            script_hash=_policy_hash(code),
            **context,
        )
    )
    return page.encode()


@cache  # to compile the templates takes longer than to render a page
def _load_templates() -> Any:
    jinja2 = require("jinja2", install=EXTRA)
    environment = jinja2.Environment(
        loader=jinja2.DictLoader({name: _read_file(name) for name in TEMPLATES}),
        autoescape=True,
        finalize=show_invisible,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "number": number,
        "percent": percent,
        "two_decimals": two_decimals,
        "split_hundred": split_hundred,
        "split_name": split_name,
        "cut_middle": lambda text: cut_middle(text)[0],
        "shorten": lambda text: shorten(text, MAX_TEXT_CHARACTERS),
    }
    return environment


def check_page_path(path: Path) -> None:
    """Raise ValueError or OSError for a path where no page can be written; make its folder.

    It is called before the rows are read, so that nobody waits for a page that is then lost.
    """
    if path.is_dir():
        raise ValueError(f"{path}: a folder, expected the file to write, as {path / 'page.html'}")
    try:
        path.resolve().parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ValueError(f"{path}: its folder cannot be made, since a file has its name") from None
    if not os.access(path if path.exists() else path.resolve().parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def write_page(path: Path, page: bytes) -> None:
    """Write a page in one step, or into a pipe. Raises OSError, with the path that was given."""
    try:
        if path.exists() and not path.is_file():  # a pipe, or /dev/null
            path.write_bytes(page)
        else:  # beside the file itself: renaming would replace a link to it, such as /dev/stdout
            write_atomically(path.resolve(), page)
    except OSError as error:
        if error.filename is None:
            raise
        # It names the new file beside the page, which nobody has asked for.
        raise OSError(error.errno, error.strerror, str(path)) from None


def _read_file(name: str) -> str:
    return (files("rewardkit.report") / name).read_text(encoding="utf-8")


class _Inline(str):
    """The project's own style and script, which are not escaped."""

    __slots__ = ()

    def __html__(self) -> str:
        """Return the text unchanged; markupsafe calls this instead of escaping."""
        return str(self)


def _policy_hash(text: str) -> str:
    """Return a Content-Security-Policy's name for a script or a style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def show_invisible(value: Any) -> Any:
    r"""Replace characters that are invisible, or that reorder the text, by U+XXXX.

    >>> show_invisible("a\u202eb\x00")
    'a[U+202E]b[U+0000]'
    """
    if not isinstance(value, str) or value.isprintable() or hasattr(value, "__html__"):
        return value
    return "".join(
        f"[U+{ord(character):04X}]"
        if category(character) in _INVISIBLE_CATEGORIES and character != "\n"
        else character
        for character in value
    )


_INVISIBLE_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def split_name(name: str) -> list[str]:
    """Split a name into parts between which a line may break.

    >>> split_name("xml_count[value=1]")
    ['xml_', 'count[', 'value=', '1]']
    """
    # The style breaks a long word too, but not in a table, which would be as wide as the word.
    return re.findall(r"[^\s_\[=,/.]{0,23}.", name, re.DOTALL)
