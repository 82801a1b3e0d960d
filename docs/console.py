"""Run the commands that a page shows, and write their output below them.

`python docs/console.py docs/audit.md` writes it; with `--check` it exits 1 where the page says
otherwise. A command is a line `$ rewardkit ...` in a block ```console; it runs in examples/audit.
Those in a block that begins with `# needs PACKAGE` are left alone where that is not installed.
"""  # noqa: INP001 - no package

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "examples" / "audit"
BLOCK = re.compile(r"(?<=```console\n)(?:.*\n)*?(?=```)")


def refreshed(page: str) -> str:
    """Return a page with the output of its commands as it is now."""
    return BLOCK.sub(lambda block: _run(block[0]), page)


def _run(block: str) -> str:
    """Return a block's commands, each with its output."""
    needed = re.match(r"# needs (\w+)\n", block)
    if needed and find_spec(needed[1]) is None:
        return block
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    parts = [f"{command}\n{_output(command[2:])}" for command in commands]
    return (needed[0] if needed else "") + "\n".join(parts)


def _output(command: str) -> str:
    """Return what a command prints, in 100 columns without colours."""
    env = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    _, *arguments = shlex.split(command)
    ran = subprocess.run(  # noqa: S603 - this package's own command
        [sys.executable, "-m", "rewardkit", *arguments],
        cwd=FOLDER,
        env=env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    lines = (ran.stdout + ran.stderr).splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


def main(arguments: list[str]) -> int:
    """Refresh or check the pages; return the exit code."""
    stale = 0
    for path in map(Path, arguments):
        if path.suffix != ".md":
            continue
        page = path.read_text(encoding="utf-8")
        now = refreshed(page)
        stale += now != page
        if "--check" not in arguments:
            path.write_text(now, encoding="utf-8")
    return int(stale > 0 and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
