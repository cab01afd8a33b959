"""What a process can do once its system calls are filtered; one process shows all of it."""

import json
import platform
import subprocess
import sys

import pytest

from auricle.serving.decoder.system_calls import ALLOWED

PROGRAM = """
import ctypes, json, os, select, signal, socket, subprocess, threading, time
from auricle.serving.decoder.system_calls import filter_system_calls

def attempt(call):
    try:
        call()
    except OSError as error:
        return type(error).__name__
    except Exception as error:
        return "other " + type(error).__name__
    return "done"

held, (ours, theirs) = os.memfd_create("held"), socket.socketpair()
assert filter_system_calls()
allowed = {
    "read and write": lambda: (os.pwrite(held, b"abc", 0), os.pread(held, 3, 0), os.fstat(held), os.lseek(held, 0, 0)),
    "messages": lambda: (ours.sendmsg([b"x"]), theirs.recvmsg(1)),
    "memory": lambda: (bytearray(1 << 25), os.memfd_create("more")),
    "time": lambda: (time.sleep(0.001), time.time()),
    "random": lambda: os.urandom(8),
    "file objects": lambda: os.fdopen(held, "rb", closefd=False).read(),
}
refused = {
    "socket": socket.socket,
    "pair of sockets": socket.socketpair,
    "connect": lambda: ours.connect("x"),
    "open": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "create": lambda: os.open("/tmp/x", os.O_CREAT),
    "own memory": lambda: os.open("/proc/self/mem", os.O_RDWR),
    "list": lambda: os.listdir("/"),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "fork": os.fork,
    "kill": lambda: os.kill(os.getpid(), 0),
    "kill a parent": lambda: os.kill(os.getppid(), signal.SIGKILL),
    "pipe": os.pipe,
    "remove": lambda: os.unlink("/tmp/x"),
    "link": lambda: os.symlink("/a", "/tmp/x"),
    "rename": lambda: os.rename("/tmp/x", "/tmp/y"),
    "directory": lambda: os.mkdir("/tmp/x"),
    "mode": lambda: os.chmod("/tmp/x", 0o777),
    "user": lambda: os.setresuid(0, 0, 0),
    "priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, 0),
    "poll set": lambda: select.epoll(),
}
libc = ctypes.CDLL(None, use_errno=True)
raw = {"ptrace": 101, "io_uring_setup": 425, "bpf": 321, "process_vm_readv": 310, "openat2": 437, "unshare": 272,
       "clone3": 435, "execveat": 322, "userfaultfd": 323, "pidfd_getfd": 438, "x32 write": 0x40000001}
print(json.dumps({
    "allowed": {name: attempt(call) for name, call in allowed.items()},
    "refused": {name: attempt(call) for name, call in refused.items()},
    "raw": {name: [libc.syscall(number, 0, 0, 0, 0, 0), ctypes.get_errno()] for name, number in raw.items()},
}))
"""


@pytest.mark.skipif(platform.machine() != "x86_64" or sys.platform != "linux", reason="numbers of this machine's calls")
def test_a_process_may_use_what_it_holds_and_nothing_else() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert {name: said for name, said in found["allowed"].items() if said != "done"} == {}
    assert {name: said for name, said in found["refused"].items() if said != "PermissionError"} == {}
    assert {name: said for name, said in found["raw"].items() if said != [-1, 1]} == {}


def test_the_table_has_each_call_once() -> None:
    for column in (0, 1):
        numbers = [pair[column] for pair in ALLOWED.values() if pair[column] is not None]
        assert len(numbers) == len(set(numbers)) > 40
    assert not {"socket", "connect", "openat", "open", "execve", "clone", "kill", "ptrace", "prctl"} & ALLOWED.keys()
