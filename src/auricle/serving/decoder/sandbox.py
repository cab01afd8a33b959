"""What a decoding process gives up before it sees a stranger's bytes; Linux only."""

import ctypes
import os
import resource
import signal
from typing import Final

__all__ = ["NICE", "confine", "die_with_parent"]

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38

NICE: Final = 5
"""How far decoding and answering give way to the event loop where cores are few: what is late there is late for all."""

_NOBODY: Final = 65_534
_MAX_FILES: Final = 32


def die_with_parent(parent: int) -> None:
    """Ask for SIGKILL when the parent, a process id, ends; end at once if it already has."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def confine(*, memory_bytes: int, file_bytes: int, cpu_s: int) -> None:
    """Give up what decoding does not need, for good.

    No right of way, no new process, no more memory than this, no file beyond what the samples take, no privileges that
    a program on disk could give, no core dump, nobody's rights if it had root's.

    Parameters
    ----------
    memory_bytes : address space beyond what is there now
    file_bytes : size of any file written
    cpu_s : processor seconds, from now to the end of the process
    """
    os.nice(NICE)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    for kind, most in (
        (resource.RLIMIT_AS, _address_space() + memory_bytes),
        (resource.RLIMIT_CPU, int(usage.ru_utime + usage.ru_stime) + cpu_s),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, _MAX_FILES),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))


def _address_space() -> int:
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  (before anything else is given up)
        return int(file.read().split()[0]) * resource.getpagesize()


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")
