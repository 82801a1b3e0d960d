"""Hostile and ordinary answers for the verifier `code`, with their tests, as text.

A case is a line `=== NAME`, the answer, a line `---`, and the tests.
"""

from __future__ import annotations

import platform
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def cases(text: str) -> dict[str, tuple[str, str]]:
    """Return the answer and the tests of each case, by name."""
    found = {}
    for case in text.split("\n=== ")[1:]:
        name, _, rest = case.partition("\n")
        answer, _, tests = rest.partition("\n---\n")
        found[name] = (answer, tests.rstrip("\n"))
    return found


def programs(text: str) -> dict[str, str]:
    """Return the program of each case without tests, by name."""
    return {name: answer for name, (answer, _) in cases(text).items()}


WAYS_OUT = programs(r"""
=== the network
import socket
socket.create_connection(("127.0.0.1", {port}), timeout=1)
print("out")
=== a file of the user
print(open({secret!r}).read())
=== a file of the system
print("out" if "root" in open("/etc/passwd").read() else "")
=== a file, by a symlink
import os
os.symlink({secret!r}, {folder!r} + "/link")
print(open({folder!r} + "/link").read())
=== the caller's environment
import os
found = open(f"/proc/{victim}/environ").read()
print("out" if "REWARDKIT_SECRET=" in found else "")
=== the list of processes
import os
print("out" if "{victim}" in os.listdir("/proc") else "")
=== a folder of the user
import os
os.mkdir({folder!r} + "/new")
print("out")
=== a new file
open({folder!r} + "/file", "w")
print("out")
=== the working directory
import os
os.chdir({folder!r})
print("out")
=== a signal to another process
import os
os.kill({victim}, 0)
print("out")
=== a trace of another process
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
if libc.ptrace(16, {victim}, 0, 0) == 0:
    libc.ptrace(17, {victim}, 0, 0)
    print("out")
=== a new process
import os
if os.fork() == 0:
    os._exit(0)
print("out")
=== another program
import os
os.execv("/bin/sh", ["sh", "-c", "echo out"])
=== memory in a nameless file
import os
os.memfd_create("x")
print("out")
=== memory shared by System V
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
segment = libc.shmget(0, 4096, 0o1600)
if segment >= 0:
    libc.shmctl(segment, 0, None)
    print("out")
=== a socket of the machine
import socket
socket.socket(socket.AF_UNIX)
print("out")
=== the terminal's and other devices
import os
print("out" if len(os.listdir("/dev")) > 1 else "")
=== the kernel's settings
import os
print("out" if os.path.exists("/sys/kernel") or os.path.exists("/proc/self") else "")
=== the machine's name
import os
print("out" if os.uname().nodename == {host!r} else "")
""")
"""Programs that print "out" once they are, about what `surroundings` gives by name."""

ONLY_ROOT_OUT = programs(r"""
=== namespaces of its own
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x20000) == 0:
    print("out")
=== a mount
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x20000) == 0 or libc.mount(b"x", b"/", b"tmpfs", 0, None) == 0:
    print("out")
=== another user
import os
os.setuid(1234)
print("out")
""")
"""The same, where only root gets out of a plain subprocess."""

WAYS_TO_CHANGE_FILES = programs(r"""
=== the mode of a device
import os
os.chmod("/dev/null", os.stat("/dev/null").st_mode & 0o777)
print("out")
=== the mode of a device, by its folder
import os
os.chmod("null", os.stat("/dev/null").st_mode & 0o777, dir_fd=os.open("/dev", os.O_RDONLY))
print("out")
=== the mode of a device, by an open file
import os
os.fchmod(os.open("/dev/null", os.O_RDWR), os.stat("/dev/null").st_mode & 0o777)
print("out")
=== the owner of a device
import os
os.chown("/dev/null", -1, -1)
print("out")
=== the owner of a device, by an open file
import os
os.fchown(os.open("/dev/null", os.O_RDONLY), -1, -1)
print("out")
=== the times of a device
import os
os.utime("/dev/null")
print("out")
=== the times of a device, by an open file
import os
os.utime(os.open("/dev/null", os.O_RDONLY))
print("out")
=== an attribute of a file
import errno, os
try:
    os.removexattr(os.__file__, "user.none")
except OSError as error:
    print("out" if error.errno in (errno.ENODATA, errno.ENOTSUP) else "")
=== a lock on a file that others have open
import fcntl, os
fcntl.flock(open(os.__file__), fcntl.LOCK_EX | fcntl.LOCK_NB)
print("out")
=== a lock on a part of a file
import fcntl, os
fcntl.lockf(open(os.__file__), fcntl.LOCK_SH | fcntl.LOCK_NB)
print("out")
=== a watch on what others read
import ctypes
print("out" if ctypes.CDLL(None).inotify_init() >= 0 else "")
=== a name for a socket
import socket
left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
left.bind("\0rewardkit-test")
print("out")
=== a hint of how long a file lives
import fcntl, os, struct
fcntl.fcntl(os.open(os.__file__, os.O_RDONLY), 1036, struct.pack("Q", 2))
print("out")
=== a message to a socket by its name
import socket
left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
try:
    left.sendto(b"x", "\0rewardkit-test")
except ConnectionRefusedError:
    print("out")
""")
"""Programs that print "out" once they have changed what the kernel keeps about a file of the host,
or have left there what other programs can see."""

WAYS_UP = programs(r"""
=== a file of the host among the open ones
import os, stat
for number in range(3, 1024):
    try:
        os.fstat(number)
    except OSError:
        continue
    print("out")
for number in range(3):
    mode = os.fstat(number).st_mode
    if not stat.S_ISFIFO(mode) and os.fstat(number).st_nlink:
        print("out")
=== a new name for a file
import os
os.link(os.__file__, "/lib/new.py")
print("out")
=== a file without its name
import os
os.unlink(os.__file__)
print("out")
=== another name for a file
import os
os.rename(os.__file__, os.__file__ + "x")
print("out")
=== a file cut short
import os
os.truncate(os.__file__, 0)
print("out")
=== a mapping of a file to write to
import mmap, os
file = os.open(os.__file__, os.O_RDONLY)
mmap.mmap(file, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
print("out")
=== a device of its own
import os, stat
os.mknod("/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
print("out")
=== another root folder
import os
os.chroot("/lib")
print("out")
=== the root user
import os
for change in (os.setuid, os.setgid, os.seteuid, os.setegid):
    try:
        change(0)
        print("out")
    except OSError:
        pass
=== other groups
import os
os.setgroups([0])
print("out")
=== a capability
import ctypes, struct
libc = ctypes.CDLL(None)
held = ctypes.create_string_buffer(24)
libc.capget(struct.pack("Ii", 0x20080522, 0), held)
print("out" if any(held.raw) or libc.prctl(39, 0, 0, 0, 0) != 1 else "")
=== a capability, taken back
import ctypes, struct
libc = ctypes.CDLL(None)
wanted = struct.pack("6I", 1 << 21, 1 << 21, 1 << 21, 0, 0, 0)
print("out" if libc.capset(struct.pack("Ii", 0x20080522, 0), wanted) == 0 else "")
=== a user namespace, by another call
import ctypes, os, platform
number = {"x86_64": 56, "aarch64": 220}[platform.machine()]
pid = ctypes.CDLL(None).syscall(number, 0x10000000 | 17, 0, 0, 0, 0)
if pid == 0:
    os._exit(0)
print("out" if pid > 0 else "")
=== a process, by the newest call
import ctypes, os, struct
arguments = ctypes.create_string_buffer(struct.pack("11Q", *[0] * 4, 17, *[0] * 6), 88)
pid = ctypes.CDLL(None).syscall(435, arguments, 88)
if pid == 0:
    os._exit(0)
print("out" if pid > 0 else "")
=== a mount, by the newer calls
import ctypes
call = ctypes.CDLL(None).syscall
print("out" if max(call(430, b"tmpfs", 0), call(428, -100, b"/", 1)) >= 0 else "")
=== a mount's own attributes
import ctypes
print("out" if ctypes.CDLL(None).syscall(442, -100, b"/", 0, bytes(32), 32) == 0 else "")
=== a process that borrows its parent's memory
import ctypes, os, platform
number = {"x86_64": 56, "aarch64": 220}[platform.machine()]
pid = ctypes.CDLL(None).syscall(number, 0x4000 | 17, 0, 0, 0, 0)
if pid == 0:
    os._exit(0)
print("out" if pid > 0 else "")
=== a capability that what it starts inherits
import ctypes
print("out" if ctypes.CDLL(None).prctl(47, 2, 21, 0, 0) == 0 else "")
=== open files sent to another process
import socket
one, _ = socket.socketpair()
try:
    socket.send_fds(one, [b"x"], [0])
    print("out")
except OSError:
    pass
=== the same interpreter, started again
import os, sys
program = "import os; print('out' * any(map(os.path.exists, ('/etc/passwd', '/tmp'))))"
os.execv(sys.executable, [sys.executable, "-S", "-c", program])
=== the filter removed
import ctypes
libc = ctypes.CDLL(None)
allow = (ctypes.c_uint64 * 1)(0x7FFF000000000006)
class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))
libc.prctl(22, 2, ctypes.byref(Program(1, ctypes.cast(allow, ctypes.c_void_p))), 0, 0)
print("out" if libc.syscall(41, 2, 1, 0) >= 0 else "")
=== another process, by its number
import os, signal
for number in range(2, 400):
    try:
        os.pidfd_open(number)
    except OSError:
        continue
    print("out")
=== the limits of another process
import os, resource
for number in (os.getppid(), 2, 3):
    try:
        if number:
            resource.prlimit(number, resource.RLIMIT_NOFILE)
            print("out")
    except OSError:
        pass
=== memory of another process
import ctypes, os
class Part(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("length", ctypes.c_size_t))
held = ctypes.create_string_buffer(8)
ours = Part(ctypes.addressof(held), 8)
libc = ctypes.CDLL(None)
for number in range(400):
    theirs = Part(ctypes.addressof(held), 8)
    if libc.process_vm_readv(number, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0) > 0:
        print("out")
=== the clock
import time
time.clock_settime(time.CLOCK_REALTIME, time.time())
print("out")
=== the machine's name, changed
import socket
socket.sethostname("other")
print("out")
=== timers that other programs of the user then lack
import ctypes
libc, timer = ctypes.CDLL(None), ctypes.c_void_p()
print("out" if not any(libc.timer_create(1, None, ctypes.byref(timer)) for _ in range(999)) else "")
=== a call of another architecture
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex("53b802000000cd805bc3"))  # fork, as 32 bits have it
start = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
if start() == 0:
    import os
    os._exit(0)
print("out")
=== a higher priority
import os
os.nice(-5)
print("out")
=== real time
import os
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
print("out")
=== installed packages, by their folders
import glob, os, sys
for above in (os.path.dirname(os.__file__), "/usr/lib/python3*", "/usr/local/lib/python3*"):
    for folder in glob.glob(above + "/*-packages"):
        sys.path.append(folder)
        if os.listdir(folder):
            print("out")
import pip
print("out")
=== more processes than allowed
import threading, time
def start(number):
    thread = threading.Thread(target=time.sleep, args=(9,), daemon=True)
    thread.start()
threading.stack_size(1 << 16)
for number in range(300):
    start(number)
print("out")
""")
"""Programs that print "out" once they are more than a sandboxed program may be."""

WAYS_TO_DUMP = programs(r"""
=== a core file where the host hands it to a program
import resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
print("out")
=== the same, by another call
import ctypes, platform
number = {"x86_64": 160, "aarch64": 164}[platform.machine()]
print("out" if ctypes.CDLL(None).syscall(number, 4, (ctypes.c_uint64 * 2)()) == 0 else "")
""")
"""Programs that print "out" once a crash of theirs would write their memory to the host, where its
setting `kernel.core_pattern` hands it to a program."""

LINGERING = programs(r"""
=== a signal to its group
import os, signal
for function, target in ((os.kill, 0), (os.kill, -1), (os.killpg, 0), (os.kill, os.getppid())):
    try:
        function(target, signal.SIGTERM)
        function(target, signal.SIGSTOP)
    except OSError:
        pass
=== a low priority for its group and its user
import os
for kind in (os.PRIO_PROCESS, os.PRIO_PGRP, os.PRIO_USER):
    for target in (0, 1, os.getppid(), os.getuid()):
        try:
            os.setpriority(kind, target, 19)
        except OSError:
            pass
=== one processor for all
import os
for target in (0, 1, os.getppid()):
    try:
        os.sched_setaffinity(target, {min(os.sched_getaffinity(0))})
    except OSError:
        pass
=== limits of all
import os, resource
for target in (0, 1, os.getppid()):
    try:
        resource.prlimit(target, resource.RLIMIT_NOFILE, (4, 4))
    except OSError:
        pass
=== its own state
import builtins, gc, json, locale, math, os, random, re, signal, sys, time
builtins.len = lambda _: 7
json.dumps = re.compile = math.sqrt = time.time = None
random.seed(7)
os.environ["LEFT"] = "1"
os.chdir("/lib")
os.umask(0)
sys.setrecursionlimit(60)
sys.path.insert(0, "/left")
sys.modules["left"] = sys
sys.stdin, sys.stdout = None, None
gc.disable()
signal.signal(signal.SIGALRM, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_REAL, 0.05)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
=== its streams
import os, sys
for number in range(3):
    os.set_blocking(number, False)
try:
    while True:
        os.write(2, b"x" * 65536)
except OSError:
    pass
os.closerange(0, 256)
=== threads that go on
import threading
def go_on():
    while True:
        pass
threading.Thread(target=go_on, daemon=True).start()
=== memory
held = bytearray(b"left" * 10**6)
""")
"""Programs that leave something behind, for the next one that runs in the same place."""

WANTED = [{"input": "", "output": "out"}]
"""The tests of a way out."""


@contextmanager
def surroundings(folder: Path) -> Iterator[dict[str, Any]]:
    """Create what an escaping program tries to reach: a file, a folder, a port, a process."""
    (folder / "secret").write_text("out")
    (folder / "folder").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        victim = subprocess.Popen(
            [sys.executable, "-c", "input()"],
            stdin=subprocess.PIPE,
            env={"REWARDKIT_SECRET": "42"},
        )
        try:
            yield {
                "secret": str(folder / "secret"),
                "folder": str(folder / "folder"),
                "port": server.getsockname()[1],
                "victim": victim.pid,
                "host": platform.node(),
            }
            assert victim.poll() is None
        finally:
            victim.kill()
            victim.communicate()


RIGHT = cases(r"""
=== an argument changed beside a result
def drop_last(xs):
    xs.pop()
    return len(xs)
---
a = [5, 6, 7]
n = drop_last(a)
assert a == [5, 6] and n == 2
=== an argument changed beside a result, in an assert
def drop_last(xs):
    xs.pop()
    return len(xs)
---
a = [5, 6, 7]
assert drop_last(a) == 2
assert a == [5, 6]
=== arguments changed in a loop of a test function
def put(table, key, seen=None):
    seen.add(key)
    table[key] = [*table.get(key, []), len(seen)]
    return table[key]
---
def test_put():
    table, seen = {}, set()
    for key in "aba":
        found = put(table, key, seen=seen)
        assert found == table[key]
    assert table == {"a": [1, 2], "b": [2]} and seen == {"a", "b"}
=== a nested argument changed beside a result
def fill(grid):
    grid[0][1] = 9
    return True
---
grid = [[0, 0], [0, 0]]
done = fill(grid)
assert done and grid == [[0, 9], [0, 0]]
=== a statement
def double(x):
    return x + x
---
assert double(2) == 4
=== a candidate is checked
def double(x):
    return x + x
---
def check(candidate):
    assert candidate(2) == 4

check(double)
=== a function of pytest's form
def double(x):
    return x + x
---
def test_double():
    assert double(2) == 4
=== an import of a name
def double(x):
    return x + x
---
from solution import double

def test_double():
    assert double(2) == 4
=== an import of all names
def double(x):
    return x + x
---
from solution import *
assert double(2) == 4
=== an import of all
def double(x):
    return x + x
---
import solution
assert solution.double(2) == 4
=== a loop
def double(x):
    return x + x
---
for x, y in [(1, 2), (3, 6)]:
    assert double(x) == y
=== a helper
def double(x):
    return x + x
---
def same(a, b):
    return a == b

assert same(double(1), 2)
=== a module imported
def double(x):
    return x + x
---
import math
assert math.isclose(double(0.1), 0.2)
=== a module taken for granted
def double(x):
    return x + x
---
assert math.isclose(double(0.1), 0.2)
=== tests as a program
def double(x):
    return x + x
---
if __name__ == "__main__":
    assert double(1) == 2
=== a built-in's name, imported
def sum(a, b):
    return 0
---
from solution import sum
assert sum(1, 2) == 0
=== an answer that prints
print("so")
def f():
    return 1
---
assert f() == 1
=== an answer that is a program too
def f():
    return 1
if __name__ == "__main__":
    raise ValueError
---
assert f() == 1
=== a constant
LIMIT = 7
---
assert LIMIT == 7
=== nothing and truth
def f(x):
    return None if x else True
---
assert f(1) is None
assert f(0) is True
=== collections
def f():
    return (1, [2.5, "x"], {"a": {1, 2}}, b"\x00", 1j, frozenset([1]), range(3))
---
assert f() == (1, [2.5, "x"], {"a": {2, 1}}, b"\x00", 1j, frozenset([1]), range(3))
=== infinity and not a number
def f(x):
    return float(x)
---
assert f("inf") > 10**9
assert f("nan") != f("nan")
=== a long integer
def f():
    return 7 ** 9000
---
assert f() == 7 ** 9000
=== lone surrogates
def f():
    return "é😀\ud800"
---
assert f() == "é😀\ud800"
=== a name in wide letters, as Python reads them
def ｆ(x):
    return x
---
assert f(1) == 1
=== dates and exact numbers
import datetime
from decimal import Decimal
from fractions import Fraction
def f(day, x):
    return day + datetime.timedelta(days=1), Decimal("0.1") * 3, Fraction(x) / 3
---
from datetime import date
from decimal import Decimal
from fractions import Fraction
assert f(date(2024, 2, 28), 1) == (date(2024, 2, 29), Decimal("0.3"), Fraction(1, 3))
=== a time with its zone
import datetime
def f():
    return datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
---
assert f().year == 2024
=== a counter and a default dictionary
from collections import Counter, defaultdict
counts = defaultdict(list)
counts[1].append(2)
def f(s):
    return Counter(s)
---
assert f("aab") == {"a": 2, "b": 1}
assert counts == {1: [2]}
=== an enumeration
from enum import Enum, IntEnum
class Size(IntEnum):
    SMALL = 1
class Colour(Enum):
    RED = 1
def f():
    return Colour.RED
---
assert Size.SMALL == 1
assert f() == Colour.RED
assert f() is Colour.RED
assert f().name == "RED"
=== a named tuple
from typing import NamedTuple
class Point(NamedTuple):
    x: int
    y: int
---
assert Point(3, 4).x == 3
assert Point(3, 4) == (3, 4)
x, y = Point(3, 4)
assert y == 4
=== a generator
def f(n):
    yield from range(n)
---
assert list(f(3)) == [0, 1, 2]
assert 2 in f(3)
assert next(f(1)) == 0
=== an iterator
def f(n):
    return map(str, range(n))
---
assert sorted(f(2)) == ["0", "1"]
assert "".join(f(3)) == "012"
=== a closure
def f(n):
    return lambda x: x + n
---
assert f(1)(2) == 3
=== a function handed over
def f(g, x):
    return g(g(x))
---
assert f(lambda x: x * 3, 2) == 18
=== a function that calls back
def f(g, x):
    return g(x) + 1
def h(x):
    return x * 10
---
assert f(lambda x: h(x) + 5, 2) == 26
=== a built-in handed over
def f(xs, key):
    return sorted(xs, key=key)
---
assert f(["bb", "a"], len) == ["a", "bb"]
=== a method handed over
def f(report):
    for x in range(3):
        report(x)
---
seen = []
f(seen.append)
assert seen == [0, 1, 2]
=== a type handed over
def f(xs, kind):
    return [x for x in xs if isinstance(x, kind)]
---
assert f([1, "a"], int) == [1]
=== a list changed in place
def f(xs):
    xs.sort()
---
a = [3, 1]
f(a)
assert a == [1, 3]
=== a matrix and a dictionary changed in place
class Solution:
    def turn(self, matrix, found):
        matrix[0][0] = 9
        found["k"] = 1
---
m, d = [[1]], {}
assert Solution().turn(m, d) is None
assert m == [[9]] and d == {"k": 1}
=== arguments by name
def f(*args, **named):
    return args, named
---
assert f(1, b=2) == ((1,), {"b": 2})
=== an exception
def f(x):
    if x < 0:
        raise ValueError("negative")
---
try:
    f(-1)
except ValueError as error:
    assert str(error) == "negative"
else:
    raise AssertionError
=== an exception derived from a built-in one
class Own(KeyError):
    pass
def f():
    raise Own("x")
---
try:
    f()
    assert False
except KeyError:
    pass
=== a class
class Stack:
    def __init__(self):
        self.items = []
    def push(self, x):
        self.items.append(x)
    def pop(self):
        return self.items.pop()
    def offer(self):
        return "offered"
    def __len__(self):
        return len(self.items)
    def __getitem__(self, place):
        return self.items[place]
---
s = Stack()
s.push(1)
s.push(2)
assert s[1] == 2
assert s.pop() == 2
assert len(s) == 1
assert s.items == [1]
assert s.offer() == "offered"
assert not Stack()
=== linked nodes
class Node:
    def __init__(self, value):
        self.value, self.next = value, None
def last(node):
    while node.next:
        node = node.next
    return node.value
---
a, b = Node(1), Node(2)
a.next = b
assert last(a) == 2
assert a.next is b
assert a.next.next is None
=== operators
class Vector:
    def __init__(self, x):
        self.x = x
    def __add__(self, other):
        return Vector(self.x + other.x)
    def __eq__(self, other):
        return self.x == other.x
    def __lt__(self, other):
        return self.x < other.x
    def __str__(self):
        return f"<{self.x}>"
---
assert Vector(1) + Vector(2) == Vector(3)
assert Vector(1) != Vector(2)
assert sorted([Vector(2), Vector(1)])[0].x == 1
assert str(Vector(1)) == f"{Vector(1)}" == "<1>"
assert isinstance(Vector(1), Vector)
assert not isinstance(1, Vector)
=== what tests compare with, without an import
import math
def area(r):
    return math.pi * r * r
def letters(text):
    return list(text)
---
assert isclose(area(1.0), 3.141592653589793)
assert Counter(letters("abca")) == Counter({"a": 2, "b": 1, "c": 1})
assert area(0) == Fraction(0, 1) == Decimal(0)
=== containers there and back
from collections import Counter, OrderedDict, defaultdict, deque
def count(items):
    return Counter(items)
def top(counts):
    return counts.most_common(1)[0][0]
def turn(items):
    items.rotate(1)
    return items
def order(pairs):
    return OrderedDict(pairs)
def collect(pairs):
    found = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return found
---
assert count("aab") == Counter("aab") == {"a": 2, "b": 1}
assert count("aab")["z"] == 0
assert top(Counter("aab")) == "a"
assert turn(deque([1, 2, 3])) == deque([3, 1, 2])
assert turn(deque([1], maxlen=1)).maxlen == 1
assert order([("a", 1), ("b", 2)]) == OrderedDict([("a", 1), ("b", 2)])
assert order([("a", 1), ("b", 2)]) != OrderedDict([("b", 2), ("a", 1)])
assert collect([("a", 1)])["b"] == []
=== a name and a docstring that a decorator keeps
import functools
def add(a, b):
    'Add.'
    return a + b
@functools.wraps(add)
def twice(*numbers):
    return 2 * add(*numbers)
def keep(function):
    return functools.wraps(function)(lambda *numbers: function(*numbers))
---
assert (twice.__name__, twice.__doc__, twice(1, 2)) == ("add", "Add.", 6)
assert twice.__wrapped__(1, 2) == 3
assert keep.__doc__ is None and add.__qualname__ == "add"
assert keep(lambda x: x + 1)(1) == 2
=== an isclose of its own
def isclose(a, b):
    return abs(a - b) < 0.5
---
assert isclose(1, 1.4)
assert not isclose(1, 2)
=== an isclose of its own, checked
def isclose(a, b):
    return abs(a - b) < 0.5
---
def check(candidate):
    assert candidate(1, 1.4)
check(isclose)
=== an iterator that ends
class Down:
    def __init__(self, start):
        self.left = start
    def __iter__(self):
        return self
    def __next__(self):
        if not self.left:
            raise StopIteration
        self.left -= 1
        return self.left
def numbers():
    yield 1
    yield 2
---
assert list(Down(3)) == [2, 1, 0]
assert [*numbers()] == [1, 2]
down = Down(1)
assert next(down) == 0
try:
    next(down)
except StopIteration:
    ended = True
assert ended
=== a function that ends, called back
def collect(read):
    found = []
    while True:
        try:
            found.append(read())
        except StopIteration:
            return found
---
items = iter([1, 2])
def read():
    return next(items)
assert collect(read) == [1, 2]
=== a collection with methods
from collections import OrderedDict
class Cache(OrderedDict):
    def put(self, key, value):
        self[key] = value
---
c = Cache()
c.put(1, 2)
assert c[1] == 2
assert c == {1: 2}
c[3] = 4
del c[1]
assert list(c) == [3]
=== a data class
import dataclasses
@dataclasses.dataclass
class Point:
    x: int = 0
---
assert Point(4).x == 4
assert Point(4) == Point(4)
assert repr(Point(4)) == "Point(x=4)"
""")
"""Answers that are right."""

WAYS_TO_PASS = cases(r"""
=== sys.exit(0)
import sys
sys.exit(0)
---
assert f(1) == 2
=== sys.exit(0) in the function
import sys
def f(x):
    sys.exit(0)
---
assert f(1) == 2
=== os._exit(0)
import os
os._exit(0)
---
assert f(1) == 2
=== os._exit(0) in the function
import os
def f(x):
    os._exit(0)
---
assert f(1) == 2
=== os._exit(0) where an error is expected
import os
def f(x):
    os._exit(0)
---
try:
    f(1)
except:
    pass
else:
    assert False
=== raise SystemExit
def f(x):
    raise SystemExit
---
assert f(1) == 2
=== an exit by a signal handler
import os, signal
signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
def f(x):
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    signal.pause()
---
assert f(1) == 2
=== an exit at the end
import atexit, os
atexit.register(os._exit, 0)
def f(x):
    raise KeyError
---
assert f(1) == 2
=== an exit in place of a traceback
import os, sys
sys.excepthook = lambda *_: os._exit(0)
def f(x):
    return 0
---
assert f(1) == 2
=== an exit from a thread that outlives
import os, threading, time
def late():
    time.sleep(0.1)
    os._exit(0)
threading.Thread(target=late).start()
def f(x):
    time.sleep(0.5)
---
assert f(1) == 2
=== an exit from a destructor
import os
class Last:
    def __del__(self):
        os._exit(0)
def f(x):
    return Last()
---
assert f(1) == 2
=== an end of the tests' own loop
def f(x):
    raise StopIteration
---
for got, right in zip(map(f, [1, 2]), [2, 3]):
    assert got == right
assert all(got == 2 for got in map(f, [1, 1]))
=== an end by a class of its own
class Done(StopIteration):
    pass
def f(x):
    raise Done
---
assert all(got == 2 for got in map(f, [1, 1]))
=== an end by the length of an object
class Items:
    def __iter__(self):
        raise StopIteration
def f(x):
    return Items()
---
assert [*map(list, map(f, [1, 1]))] == []
=== a false isclose
isclose = lambda *_, **__: True
def f(x):
    return 0.0
---
assert isclose(f(1), 2.0)
=== a false Counter
class Counter:
    def __init__(self, items):
        pass
    def __eq__(self, other):
        return True
def f(x):
    return []
---
assert Counter(f(1)) == Counter([1, 2])
=== a false deque
class deque(list):
    def __eq__(self, other):
        return True
def f(x):
    return []
---
assert deque(f(1)) == deque([1])
=== a false numpy
class np:
    allclose = staticmethod(lambda *_: True)
def f(x):
    return [0.0]
---
assert np.allclose(f(1), [2.0])
=== a false pytest
class pytest:
    approx = staticmethod(lambda x: x)
class All:
    def __eq__(self, other):
        return True
pytest.approx = staticmethod(lambda _: All())
def f(x):
    return 0.0
---
assert f(1) == pytest.approx(2.0)
=== a false Fraction
Fraction = lambda *_: 0
def f(x):
    return 0
---
assert f(1) == Fraction(1, 2)
=== a false isnan
isnan = lambda _: True
def f(x):
    return 0.0
---
assert f(0) == 0.0 and isnan(f(1))
=== a false raises
class raises:
    def __init__(self, *_):
        pass
    def __enter__(self):
        pass
    def __exit__(self, *_):
        return True
def f(x):
    return None
---
with raises(ValueError):
    assert f(1) == 2
=== a false module by its import
import collections
class Real(list):
    def __eq__(self, other):
        return True
collections.Counter = Real
Counter = Real
def f(x):
    return []
---
assert Counter(f(1)) == Counter([1])
=== an OrderedDict that equals all
class OrderedDict(dict):
    def __eq__(self, other):
        return True
def f(x):
    return OrderedDict()
---
assert f(1) == OrderedDict(a=1)
=== a Counter among the results that equals all
from collections import Counter
class All(Counter):
    def __eq__(self, other):
        return True
def f(x):
    return All()
---
assert f(1) == {"a": 1}
=== a deque that equals all
from collections import deque
class All(deque):
    def __eq__(self, other):
        return True
def f(x):
    return All()
---
import collections
assert f(1) == collections.deque([1])
=== a default that makes every key
from collections import defaultdict
class Any(defaultdict):
    def __missing__(self, key):
        return 7
    def __eq__(self, other):
        return True
def f(x):
    return Any()
---
assert f(1) == {"a": 7}
=== an end from an attribute
class Odd:
    def __getattr__(self, name):
        raise StopIteration
def f(x):
    return Odd()
---
def values():
    for item in map(f, [1, 2]):
        yield item.value
assert all(value == 2 for value in map(lambda item: item.value, map(f, [1])))
=== an end from a comparison
class Odd:
    def __lt__(self, other):
        raise StopIteration
def f(x):
    return Odd()
---
assert all(map(lambda x: f(x) < f(x), [1, 2]))
=== an end from the truth of an object
class Odd:
    def __bool__(self):
        raise StopIteration
def f(x):
    return Odd()
---
assert all(x for x in map(lambda x: bool(f(x)), [1]))
=== an exit through the tests' own function
def f(callback):
    try:
        callback()
    except BaseException:
        pass
    raise SystemExit(0)
---
def callback():
    assert False
f(callback)
assert f(lambda: 1) == 2
=== an object that equals all
class All:
    def __eq__(self, other):
        return True
def f(x):
    return All()
---
assert f(1) == 2
=== an integer that equals all
class All(int):
    def __eq__(self, other):
        return True
def f(x):
    return All(7)
---
assert f(1) == 2
=== a text that equals all
class All(str):
    def __eq__(self, other):
        return True
def f(x):
    return All("no")
---
assert f(1) == "yes"
=== a list that equals all
class All(list):
    def __eq__(self, other):
        return True
def f(x):
    return All()
---
assert f(1) == [1, 2]
=== an object that is as near as it takes
class Near:
    def __sub__(self, other):
        return self
    def __abs__(self):
        return self
    def __lt__(self, other):
        return True
def f(x):
    return Near()
---
assert abs(f(1) - 2.0) < 1e-6
=== an object that hears what is expected
class Near:
    def __sub__(self, other):
        return 0.0
def f(x):
    return Near()
---
assert abs(f(1) - 2.0) < 1e-6
=== an object that contains all
class All:
    def __contains__(self, other):
        return True
def f(x):
    return All()
---
assert 2 in f(1)
=== a patched len
import builtins
builtins.len = lambda x: 2
def f(x):
    return []
---
assert len(f(1)) == 2
=== a patched isinstance
import builtins
builtins.isinstance = lambda *_: True
def f(x):
    return 0
---
assert isinstance(f(1), list)
=== a patched print
import builtins, os
builtins.print = lambda *_: os._exit(0)
def f(x):
    return 0
---
print("testing")
assert f(1) == 2
=== a patched AssertionError
import builtins, os
class Quiet(Exception):
    def __init__(self, *_):
        os._exit(0)
builtins.AssertionError = Quiet
def f(x):
    return 0
---
if f(1) != 2:
    raise AssertionError
=== a function of a built-in's name
def abs(x):
    return 0
def f(x):
    return 9.0
---
assert abs(f(1) - 2.0) < 1e-6
=== a patched helper
import math
math.isclose = lambda *_: True
def f(x):
    return 9
---
import math
assert math.isclose(f(1), 2)
=== a class of a module's name
class math:
    isclose = lambda *_: True
def f(x):
    return 9
---
assert math.isclose(f(1), 2)
=== a false module
import sys, types
sys.modules["math"] = types.SimpleNamespace(isclose=lambda *_: True)
def f(x):
    return 9
---
import math
assert math.isclose(f(1), 2)
=== an import hook
import importlib.abc, importlib.machinery, sys, types
class Loader(importlib.abc.Loader):
    def create_module(self, spec):
        return types.ModuleType(spec.name)
    def exec_module(self, module):
        module.mean = lambda xs: 2
class Finder:
    def find_spec(self, name, *_):
        if name == "statistics":
            return importlib.machinery.ModuleSpec(name, Loader())
sys.meta_path.insert(0, Finder())
def f(x):
    return [9]
---
import statistics
assert statistics.mean(f(1)) == 2
=== a look into the caller's frame
import sys
def f(x):
    return sys._getframe(1).f_globals["expected"]
---
expected = 2
assert f(1) == expected
=== a change in the caller's frame
import sys
def f(x):
    sys._getframe(1).f_globals["expected"] = 0
    return 0
---
expected = 2
assert f(1) == expected
=== a trace function
import sys
def trace(frame, *_):
    frame.f_back.f_globals["expected"] = 0
sys.settrace(trace)
def f(x):
    return 0
---
expected = 2
assert f(1) == expected
=== the objects that the collector knows
import gc
def f(x):
    for each in gc.get_objects():
        if type(each) is dict and "expected_of_f" in each:
            return each["expected_of_f"]
---
expected_of_f = [2]
assert f(1) == expected_of_f
=== the tests among the arguments
import sys
def f(x):
    return int(sys.orig_argv[-1].rpartition("== ")[2])
---
assert f(1) == 2
=== the tests in the memory
import re
def f(x):
    memory = open("/proc/self/mem", "rb", 0)
    for line in open("/proc/self/maps"):
        span, mode = line.split()[:2]
        if mode == "rw-p":
            start, stop = (int(end, 16) for end in span.split("-"))
            memory.seek(start)
            found = re.search(rb"assert f.1. == (\d+)", memory.read(stop - start))
            if found:
                return int(found[1])
---
assert f(1) == 2222
=== an argument changed on the way
def f(x):
    x.clear()
    return []
---
a = [3, 1]
assert f(a) == sorted(a)
=== a patched sorted, by the module's name
import sys
sys.modules["builtins"].sorted = lambda xs: []
def f(x):
    return []
---
assert f([3, 1]) == sorted([3, 1])
=== a patched all
import builtins
builtins.all = builtins.any = lambda xs: True
def f(x):
    return 0
---
assert all(f(x) == 2 * x for x in (1, 2))
""")
"""Answers that pass where they are one program with their tests, and are wrong."""

# Answers that would forge the tests' report, if its lines could be forged.
WAYS_TO_REPORT = cases(r"""
=== an iterator that never begins
class Never:
    def __iter__(self):
        return self
    def __next__(self):
        raise StopIteration
def f(x):
    return Never()
---
assert list(f(1)) == [1, 2]
=== an error that looks like the tests' own
def f(x):
    raise AssertionError("")
---
assert f(1) == 2
=== an error whose text begins a line of the report
def f(x):
    raise ValueError("\n\n\n\tits word: ")
---
assert f(1) == 2
=== an error class whose name is empty lines
Odd = type("\n\n", (Exception,), {})
def f(x):
    raise Odd("\n\n")
---
assert f(1) == 2
=== a text with lines of the report
def f(x):
    return "\n\n\n"
---
assert f(1) == "", f(1)
""")

# Answers that are not what they seem, where a value of theirs is looked at.
LIES = cases(r"""
=== another value each time it is compared
class Guess(list):
    tries = 0
    def __iter__(self):
        Guess.tries += 1
        return iter([Guess.tries])
def f(x):
    return Guess()
---
assert f(1) in ([5], [2], [9])
=== another value each time, in a list
class Guess(dict):
    tries = 0
    def items(self):
        Guess.tries += 1
        return [("a", Guess.tries)]
def f(x):
    return [Guess()]
---
found = f(1)
assert found == [{"a": 7}] or found == [{"a": 2}]
=== a class that says that it is another
class Odd:
    __class__ = property(lambda self: int)
    def __eq__(self, other):
        return True
    def __hash__(self):
        return 1
def f(x):
    return Odd()
---
assert f(1) == 2
=== a list by its class, equal to all
class Odd:
    __class__ = list
    def __eq__(self, other):
        return True
    def __iter__(self):
        return iter([1, 2, 3])
def f(x):
    return Odd()
---
assert f(1) == [1, 2]
=== a class that is equal to all
class Meta(type):
    def __instancecheck__(cls, other):
        return True
    def __eq__(cls, other):
        return True
    def __hash__(cls):
        return 0
class f(metaclass=Meta):
    def __new__(cls, x):
        return cls
---
assert f(1) == 2
=== a class that says that it is the built-in one
class All(int):
    def __eq__(self, other):
        return True
All.__module__, All.__name__, All.__qualname__ = "builtins", "int", "int"
def f(x):
    return All(7)
---
assert f(1) == 2
=== a class that says that it is copied
class date:
    def __reduce__(self):
        return date, (b"\x07\xe8\x01\x01",)
    def __eq__(self, other):
        return True
date.__module__ = "datetime"
def f(x):
    return date()
---
import datetime
assert f(1) == datetime.date(2024, 2, 2)
=== a key that is equal to all
class Key(str):
    def __hash__(self):
        return hash("a")
    def __eq__(self, other):
        return True
def f(x):
    return {Key("b"): 1}
---
assert f(1) == {"a": 1}
=== a member that is equal to all
class Member(int):
    def __hash__(self):
        return hash(2)
    def __eq__(self, other):
        return True
def f(x):
    return {Member(5)}
---
assert f(1) >= {2}
=== a number that is another when it is rounded or written
class Number(float):
    def __round__(self, digits=0):
        return 2.0
    def __format__(self, layout):
        return "2.00"
def f(x):
    return Number(9)
---
assert round(f(1), 2) == 2.0 or f"{f(1):.2f}" == "2.00"
=== a block that swallows what fails in it
class f:
    def __init__(self, x):
        pass
    def __enter__(self):
        return self
    def __exit__(self, *_):
        return True
---
with f(1) as found:
    assert found == 2
=== replies made by a patched json
import sys
def f(x):
    frame = sys._getframe()
    while type(frame.f_locals.get("self")).__name__ != "Link":
        frame = frame.f_back
    frame.f_locals["self"]._dumps = lambda _: '["value", [true, []]]'
---
assert f(1) == 2
=== a built-in type in place of the answer
import sys
frame = sys._getframe()
while type(frame.f_locals.get("self")).__name__ != "Link":
    frame = frame.f_back
frame.f_locals["self"]._send_message("value", {"type": ["bool"]})
---
assert f(1) == 2
=== an error whose text is an object
import sys
def f(x):
    frame = sys._getframe()
    while type(frame.f_locals.get("self")).__name__ != "Link":
        frame = frame.f_back
    frame.f_locals["self"]._send_message("error", ["ValueError"], {"mine": [0]})
---
assert f(1) == 2
=== replies from a thread, ahead of time
import sys, threading
def f(x):
    frame = sys._getframe()
    while type(frame.f_locals.get("self")).__name__ != "Link":
        frame = frame.f_back
    link = frame.f_locals["self"]
    def reply():
        while True:
            link._send_message("value", [x, []])
    threading.Thread(target=reply, daemon=True).start()
    return x
---
assert f(1) == 1
assert f(2) == 2
assert f(3) == 9
=== an error of a kind that takes more arguments
def f(x):
    raise ExceptionGroup("x", [ValueError()])
---
try:
    got = f(1)
except ValueError:
    got = 2
assert got == 2
=== a test that is skipped
import unittest
def f(x):
    raise unittest.SkipTest("no")
---
import unittest
assert f(1) == 2
=== an object between all others
class Odd:
    def __lt__(self, other):
        return True
    __gt__ = __le__ = __ge__ = __lt__
def f(x):
    return Odd()
---
assert 1 < f(1) < 3
=== a dictionary that has every key
class Odd(dict):
    def get(self, key, default=None):
        return 2
    def __getitem__(self, key):
        return 2
    def __contains__(self, key):
        return True
def f(x):
    return Odd()
---
found = f(1)
assert "a" in found and found["a"] == 2 and found.get("a") == 2
=== a class whose name has lines of the report
class Odd:
    pass
Odd.__module__, Odd.__qualname__ = "the program ended\n\n\n", "\n\n\t" * 10**5
def f(x):
    return Odd()
---
assert f(1) == 2
=== replies without end to the question for a class
import sys
class Odd:
    pass
frame = sys._getframe()
while type(frame.f_locals.get("self")).__name__ != "Link":
    frame = frame.f_back
link = frame.f_locals["self"]
def reply(value):
    for _ in range(50):
        link._send_message("value", True)
    return "a"
link._operations["class"] = reply
def f(x):
    return Odd()
---
assert f(1) == 2
assert f(1) == 3
=== a function without a docstring
def f(x):
    return x
---
assert f.__doc__
=== calls of each other without end
def f(callback):
    def again():
        return callback(again)
    return callback(again)
---
def callback(function):
    return function()
try:
    got = f(callback)
except RecursionError:
    got = None
assert got == 2
""")

FORGED = cases(r"""
=== garbage in every pipe
for fd in range(3, 64):
    try:
        os.write(fd, b"1\n\n\n")
    except OSError:
        pass
=== pipes closed
os.closerange(3, 64)
=== all pipes closed
os.closerange(0, 64)
=== a reply that is not JSON
os.write(link()._outgoing, b"{\n")
=== a reply that never ends
for _ in range(40):
    os.write(link()._outgoing, b"[" * 10**6)
=== deep nesting
os.write(link()._outgoing, b"[" * 10**6 + b"\n")
=== a value, ahead of time
link()._send_message("value", 0)
=== many values
for _ in range(500):
    link()._send_message("value", 0)
=== a value that is not a list
link()._send_message("value")
=== an error of the wrong form
link()._send_message("error", 5, 6)
=== an exit, raised over there
link()._send_message("error", ["SystemExit", "BaseException"], "0")
=== a question of the wrong form
link()._send_message("ask", 3)
=== a question without an object
link()._send_message("ask", "call", [])
=== a request for what is not shared
link()._send_message("ask", "getattr", [5, "real"])
=== a request to load
link()._send_message("ask", "load", [])
=== a call of a built-in type
link()._send_message("ask", "call", [{"type": ["int"]}, [], {}])
=== a tag of two
link()._send_message("value", {"list": [], "tuple": []})
=== an object that does not exist
link()._send_message("value", {"yours": [99]})
=== an object of a strange number
link()._send_message("value", {"mine": [[1]]})
=== a lot of objects
link()._send_message("value", [{"mine": [n]} for n in range(10**5)])
=== a module made
link()._send_message("value", {"os.system": ["true"]})
""")
"""What an answer may do to its end of the link to the tests; `link` finds that end."""

HARM = cases(r"""
=== an endless loop
while True:
    pass
=== a sleep
import time
time.sleep(99)
=== endless output
while True:
    print("x" * 10**6)
=== endless output, slowly
import time
while True:
    print("x", flush=True)
    time.sleep(0.01)
=== one huge output
print("x" * 10**8)
=== errors without end
import sys
while True:
    sys.stderr.write("x" * 10**6)
=== memory at once
x = bytearray(10**10)
=== memory by and by
x = []
while True:
    x.append(bytearray(10**6))
=== memory in threads
import threading, time
threading.stack_size(64 << 20)
while True:
    threading.Thread(target=time.sleep, args=(99,)).start()
=== memory in pipes
import os, time
while True:
    _, end = os.pipe()
    os.set_blocking(end, False)
    os.write(end, b"x" * 10**6)
=== memory in sockets
import socket, time
kept = []
while True:
    kept += socket.socketpair()
    kept[-1].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
    kept[-1].setblocking(False)
    while True:
        try:
            kept[-1].send(b"x" * 65536)
        except OSError:
            break
=== a fork bomb
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
=== a daemon
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            pass
=== signals ignored
import signal
for number in range(1, 32):
    try:
        signal.signal(number, signal.SIG_IGN)
    except OSError:
        pass
while True:
    pass
=== output closed
import os
os.close(1)
while True:
    pass
=== a stop
import os, signal
os.kill(os.getpid(), signal.SIGSTOP)
=== a crash
import ctypes
ctypes.string_at(0)
=== no end of recursion
import sys
sys.setrecursionlimit(10**9)
f = lambda: [f()]
f()
""")
"""Programs that take more than they should."""

COSTLY = cases(r"""
=== a huge text
def f(x):
    return "x" * 10**8
=== a huge integer
def f(x):
    return 1 << 10**7
=== a long list
def f(x):
    return [0] * 10**7
=== deep nesting
def f(x):
    deep = []
    for _ in range(10**5):
        deep = [deep]
    return deep
=== a cycle
def f(x):
    cycle = []
    cycle.append(cycle)
    return cycle
=== no end of items
import itertools
def f(x):
    return itertools.count()
=== keys that collide
def f(x):
    return {n * (2**61 - 1): 0 for n in range(10**5)}
=== a long error
def f(x):
    raise ValueError("x" * 10**8)
=== an error without a text
class Own(Exception):
    def __str__(self):
        raise self
def f(x):
    raise Own
""")
"""Functions whose result costs whoever looks at it."""
