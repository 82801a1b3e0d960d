"""What confines a program: the command of bubblewrap that starts Python in a sandbox."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from types import CodeType
from typing import NamedTuple

PYTHON = f"{sys.base_prefix}/bin/python{sys.version_info[0]}.{sys.version_info[1]}"


class Box(NamedTuple):
    """What confines a program."""

    bwrap: str | None
    """bubblewrap's path; None runs a plain subprocess, under resource limits alone."""
    packages: tuple[str, ...] = ()
    """The folders that it can import from beside the standard library."""
    warm: bool = False
    """Whether it is forked from a waiting process."""
    nobody: bool = False
    """Whether the caller is root, and the program is not."""


def build_environment(box: Box) -> dict[str, str]:
    """Return the environment variables of a process."""
    # The same order of sets in each process, and one thread, which is within the limit on them.
    return {"PYTHONHASHSEED": "0", **({"OMP_NUM_THREADS": "1"} if box.packages else {})}


def build_loader(box: Box, file: int) -> str:
    """Return the beginning of a program, which loads what was marshalled in a file.

    `codes` is what `compile_guest` returns, `data[1]` what comes after it.
    """
    drop = "limits['become_nobody']();" if box.nobody else ""
    return (
        "import marshal, os, sys; del os.environ['PYTHONHASHSEED'];"
        f" file = os.fdopen({file}, 'rb');"
        " data = marshal.load(file); file.close(); codes = data[0];"
        " guest, limits = {'__name__': 'guest'}, {'__name__': 'limits'};"
        f" exec(codes['guest'], guest); exec(codes['limits'], limits);"
        f" limits['prepare_process'](); {drop}"
    )


@cache
def compile_guest() -> dict[str, CodeType]:
    """Return the code of the files that run inside a sandbox, by name."""
    return {
        name: compile(
            Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8"),
            f"{name}.py",
            "exec",
            dont_inherit=True,
        )
        for name in ("guest", "limits", "waiting")
    }


def build_command(box: Box, program: str, call_filter: int) -> list[str]:
    """Return the command that runs a program of Python; `call_filter` is an open file."""
    python = [PYTHON, "-P", "-s", "-S", "-X", "utf8", "-c", program]
    if box.bwrap is None:
        return python
    if box.nobody:
        # Not a user namespace of bubblewrap's, where files of root's are the program's own.
        namespaces = ("ipc", "pid", "net", "uts", "cgroup-try")
        apart = [f"--unshare-{name}" for name in namespaces]
        apart += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        apart = ["--unshare-all", "--cap-drop", "ALL"]
    if not box.warm:
        # The waiting process ends with its socket: this would end it with the thread that started
        # it. And it is in the group that is killed with it.
        apart += ["--die-with-parent", "--new-session"]
    shown = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", f"{sys.base_prefix}/lib", PYTHON]
    hidden = _find_installed_packages(tuple(shown))
    # bubblewrap would make the folders around them such that root alone can open some
    around = [
        parent for path in (*shown, *box.packages, "/dev/null") for parent in _list_parents(path)
    ]
    return [
        *(box.bwrap, *apart, "--as-pid-1", "--hostname", "sandbox"),
        *("--seccomp", str(call_filter)),
        *(part for path in dict.fromkeys(around) for part in ("--dir", path)),
        *(part for path in dict.fromkeys(shown) for part in ("--ro-bind-try", path, path)),
        *(part for path in hidden for part in ("--tmpfs", path)),
        *(part for path in box.packages for part in ("--ro-bind-try", path, path)),
        *(part for path in hidden for part in ("--remount-ro", path)),
        *("--dev-bind", "/dev/null", "/dev/null"),
        *("--remount-ro", "/", "--chdir", "/", "--"),
        *python,
    ]


@cache
def _list_parents(path: str) -> list[str]:
    """Return the folders around a file, from the outermost inwards, without the root."""
    return [str(parent) for parent in reversed(Path(path).parents[:-1])]


@cache
def _find_installed_packages(folders: tuple[str, ...]) -> list[str]:
    """Return the folders of packages in those of interpreters."""
    return [
        str(path)
        for folder in folders
        for kind in ("site-packages", "dist-packages")
        for path in sorted(Path(folder).glob(f"python*/{kind}"))
    ]
