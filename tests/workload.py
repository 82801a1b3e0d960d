"""`do` is what the workers in test_pool.py run: it takes a verb and its arguments as a row."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress


def do(row):
    verb, *given = row
    return VERBS[verb](*given)


def echo(row):
    return row


def spin(seconds=float("inf")):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def swallow():
    while True:
        with suppress(BaseException):  # like a checker that swallows its own timeout
            time.sleep(60)


def recurse():
    return recurse()


def talk(text):
    sys.stdout.write(text)
    sys.stdout.flush()
    os.write(1, text.encode())
    return text


def fail(text):
    raise ValueError(text)


def eat(mebibytes):
    return len(b"x" * (mebibytes << 20))


def leave_a_child():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    return child.pid


VERBS = {
    "echo": echo,
    "pid": os.getpid,
    "sleep": time.sleep,
    "spin": spin,
    "power": lambda: 9**9**9**9,  # holds the interpreter's lock
    "swallow": swallow,
    "recurse": recurse,
    "eat": eat,
    "long": lambda mebibytes: "x" * (mebibytes << 20),
    "exit": os._exit,
    "quit": sys.exit,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "close": lambda: os.closerange(3, 99),
    "fail": fail,
    "object": object,
    "talk": talk,
    "read": lambda: [sys.stdin.read(), os.read(0, 9).decode()],
    "environment": os.environ.get,
    "modules": lambda: sorted(sys.modules),
    "leave_a_child": leave_a_child,
}
