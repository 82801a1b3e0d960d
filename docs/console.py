"""Run the commands that a page shows, and write their output below them.

`python docs/console.py docs/audit.md` writes it; with `--check` it exits 1 if the page differs. A
command is a line `$ rewardkit ...` in a block ```console; it runs in examples/audit. A block that
begins with `# needs PACKAGE` is left alone where that package is not installed.
"""  # noqa: INP001 - not in a package

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "examples" / "audit"
CONSOLE_BLOCK = re.compile(r"(?<=```console\n)(?:.*\n)*?(?=```)")


def refresh_page(page: str) -> str:
    """Return a page with the current output of its commands."""
    return CONSOLE_BLOCK.sub(lambda block: _refresh_block(block[0]), page)


def _refresh_block(block: str) -> str:
    needed = re.match(r"# needs (\w+)\n", block)
    if needed and find_spec(needed[1]) is None:
        return block
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    parts = [f"{command}\n{_run_command(command[2:])}" for command in commands]
    return (needed[0] if needed else "") + "\n".join(parts)


def _run_command(command: str) -> str:
    # the same on every machine: the page's width, and no colours
    env = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    _, *arguments = shlex.split(command)
    done = subprocess.run(  # noqa: S603 - this package's own command
        [sys.executable, "-m", "rewardkit", *arguments],
        cwd=FOLDER,
        env=env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    lines = (done.stdout + done.stderr).splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)  # editors strip spaces at line ends


def main(arguments: list[str]) -> int:
    """Refresh or check the pages; return the exit code."""
    outdated = 0
    for path in map(Path, arguments):
        if path.suffix != ".md":  # an option
            continue
        page = path.read_text(encoding="utf-8")
        refreshed = refresh_page(page)
        outdated += refreshed != page
        if "--check" not in arguments:
            path.write_text(refreshed, encoding="utf-8")
    return int(outdated > 0 and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
