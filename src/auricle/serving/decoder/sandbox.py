"""Confine a decoding process before it reads untrusted bytes: privileges, memory, files, processes; Linux only."""

import ctypes
import os
import resource
import signal
from typing import Final

__all__ = ["LONG_NICE", "NICE", "confine", "die_with_parent", "isolate_network"]

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38

NICE: Final = 5
"""Niceness of decoding and predicting: the event loop, on which all requests wait, comes first."""

LONG_NICE: Final = 10
"""Niceness of predicting long sounds."""

_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_NOBODY: Final = 65_534
_MAX_FILES: Final = 32


def die_with_parent(parent: int) -> None:
    """Request SIGKILL for when the parent process ends; exit at once if it has ended already.

    Parameters
    ----------
    parent : int
        Process id.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def confine(*, memory_bytes: int, file_bytes: int, cpu_s: int) -> None:
    """Drop everything that decoding does not need, irrevocably.

    Lower priority, no new processes, limited memory and file size, no privileges from setuid programs, no core dump,
    and the user nobody in place of root.

    Parameters
    ----------
    memory_bytes : int
        Address space beyond the current one.
    file_bytes : int
        Size of any written file.
    cpu_s : int
        Processor seconds of the process from now on.
    """
    os.nice(NICE)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    for kind, limit in (
        (resource.RLIMIT_AS, _address_space() + memory_bytes),
        (resource.RLIMIT_CPU, int(usage.ru_utime + usage.ru_stime) + cpu_s),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, _MAX_FILES),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        lowest = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (lowest, lowest))


def isolate_network() -> bool:
    """Move this process into a network of its own, without any interface; False where the kernel does not allow it.

    Called before :func:`confine`, which gives up the right to do so.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    own = _CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWUSER | _CLONE_NEWNET
    return bool(libc.unshare(own) == 0)


def _address_space() -> int:
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  (pathlib would allocate more)
        return int(file.read().split()[0]) * resource.getpagesize()


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")
