"""The filter of system calls that a sandboxed program runs under, as classic BPF.

Refused is what would bypass the namespaces and limits: calls that start processes, open sockets (a
socket to a virtual machine's host ignores namespaces) or name one, take memory that no limit
counts, reach into other processes and the kernel, change what is kept about a file of the host (its
mode, owner, times), or leave a lock or a watch on it that other programs can see.
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Iterator
from functools import cache

MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""The architecture's number in the kernel, and its column in the tables below."""
NAMESPACE_CALLS = {"fork": (57, 1079), "unshare": (272, 97), "setns": (308, 268)}
"""What a process needs to start others in namespaces of their own. Refused to programs too."""
REFUSED_CALLS = {  # a number from 1024 on is of a call that the machine does not have
    **NAMESPACE_CALLS,
    "vfork": (58, 1071),
    "socket": (41, 198),
    "bind": (49, 200),
    "connect": (42, 203),
    "listen": (50, 201),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "syslog": (103, 116),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "chmod": (90, 1028),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, 1029),
    "fchown": (93, 55),
    "lchown": (94, 1032),
    "fchownat": (260, 54),
    "utime": (132, 1062),
    "utimes": (235, 1037),
    "futimesat": (261, 1066),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "flock": (73, 32),
    # What all programs of the machine wait for, or have a limit on in common.
    "sync": (162, 81),
    "syncfs": (306, 267),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "io_setup": (206, 0),
    "membarrier": (324, 283),
    # Memory of the kernel that no limit counts: larger buffers, and rules.
    "setsockopt": (54, 208),
    "landlock_create_ruleset": (444, 444),
    "inotify_init": (253, 1043),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
}
_CLONE, _CLONE3, _FCNTL, _IOCTL = (56, 220), (435, 435), (72, 25), (16, 29)
_SENDTO, _SETRLIMIT, _PRLIMIT = (44, 206), (160, 164), (302, 261)
_RLIMIT_CORE = 4
_EXITS = ((60, 93), (231, 94))  # of a thread, and of a process
# Locks of a part of a file (5 to 7, 36 to 38), leases (1024) and watches (1026) of it, signals of
# what happens to it (8, 10, 15), hints of how long it lives (1036, 1038).
_REFUSED_FCNTL = (5, 6, 7, 36, 37, 38, 1024, 1026, 8, 10, 15, 1036, 1038)
# Flags and attributes of a file: FS_IOC_SETFLAGS and FS_IOC_FSSETXATTR; input typed for a terminal:
# TIOCSTI and TIOCLINUX.
_REFUSED_IOCTL = (0x40086602, 0x401C5820, 0x5412, 0x541C)
KILLED_EXIT_CODE = 137
"""How bubblewrap reports a process that SIGKILL has ended: 128 + 9."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in the kernel's `struct seccomp_data`
_FIRST_ARGUMENT, _SECOND_ARGUMENT, _THIRD_ARGUMENT, _SIXTH_ARGUMENT = 16, 24, 32, 56
_ALLOW, _KILL, _REFUSE, _UNKNOWN_CALL = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
_THREAD = 0x10000  # a flag of `clone`

_Step = tuple[int, int, int, int]


@cache
def build_filter(*, processes: bool = True, others: bool = True) -> bytes:
    """Return a filter, 8 bytes per instruction, or none where the machine's calls are unknown.

    It refuses to start `processes`, and the `others` of the calls above. A process that waits has a
    filter of the latter, and its children have both. (The kernel translates a filter each time that
    one is installed, so the one that each child installs is short.)
    """
    machine = platform.machine()
    if machine not in MACHINES:
        return b""
    architecture, column = MACHINES[machine]
    steps: list[_Step] = [
        *((_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL)),
        # the x32 calls
        *((_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _REFUSE)),
    ]
    if processes:
        steps += _refuse_processes(column)
    if not others:  # a process under both sets its own limits
        steps += _refuse_core_limit(column)
    if others:
        # clone3, whose arguments no filter sees: so that libc falls back on clone
        steps += [(_EQUAL, 0, 1, _CLONE3[column]), (_RETURN, 0, 0, _UNKNOWN_CALL)]
        # to an address, which has a length: a pair of sockets that are connected needs none
        steps += [
            *((_EQUAL, 0, 4, _SENDTO[column]), (_LOAD, 0, 0, _SIXTH_ARGUMENT)),
            *((_EQUAL, 0, 1, 0), (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)),
        ]
        steps += _refuse_values(_FCNTL[column], _SECOND_ARGUMENT, _REFUSED_FCNTL)
        steps += _refuse_values(_IOCTL[column], _SECOND_ARGUMENT, _REFUSED_IOCTL)
        for numbers in REFUSED_CALLS.values():
            if numbers not in NAMESPACE_CALLS.values():
                steps += [(_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, _REFUSE)]
    return b"".join(struct.pack("=HBBI", *step) for step in (*steps, (_RETURN, 0, 0, _ALLOW)))


def _refuse_processes(column: int) -> Iterator[_Step]:
    for numbers in NAMESPACE_CALLS.values():
        yield _EQUAL, 0, 1, numbers[column]
        yield _RETURN, 0, 0, _REFUSE
    # An exit with the code of a kill would pass a wrong answer off as the machine's fault.
    for numbers in _EXITS:
        yield from _refuse_values(numbers[column], _FIRST_ARGUMENT, (KILLED_EXIT_CODE,), 0xFF)
    # a clone that is not of a thread
    yield _EQUAL, 0, 4, _CLONE[column]
    yield _LOAD, 0, 0, _FIRST_ARGUMENT
    yield _ANY_BIT, 0, 1, _THREAD
    yield _RETURN, 0, 0, _ALLOW
    yield _RETURN, 0, 0, _REFUSE


def _refuse_core_limit(column: int) -> Iterator[_Step]:
    """Yield the steps that refuse another limit on the core file.

    Of 1 byte the kernel makes none. Of 0 it makes one where the host hands it to a program.
    """
    yield from _refuse_values(_SETRLIMIT[column], _FIRST_ARGUMENT, (_RLIMIT_CORE,))
    yield _EQUAL, 0, 8, _PRLIMIT[column]
    yield _LOAD, 0, 0, _SECOND_ARGUMENT
    yield _EQUAL, 0, 4, _RLIMIT_CORE
    yield _LOAD, 0, 0, _THIRD_ARGUMENT  # where the new limit is, at 0 for none
    yield _EQUAL, 0, 3, 0
    yield _LOAD, 0, 0, _THIRD_ARGUMENT + 4
    yield _EQUAL, 0, 1, 0
    yield _RETURN, 0, 0, _ALLOW
    yield _RETURN, 0, 0, _REFUSE


def _refuse_values(
    call: int, argument: int, values: tuple[int, ...], mask: int = 0xFFFFFFFF
) -> Iterator[_Step]:
    """Yield the steps that refuse a call with one of the values as its argument."""
    yield _EQUAL, 0, 2 * len(values) + 3, call
    yield _LOAD, 0, 0, argument
    yield _AND, 0, 0, mask
    for value in values:
        yield _EQUAL, 0, 1, value
        yield _RETURN, 0, 0, _REFUSE
    yield _RETURN, 0, 0, _ALLOW
