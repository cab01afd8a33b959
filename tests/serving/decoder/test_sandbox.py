"""What a confined process can still do; one process shows all of it."""

import json
import subprocess
import sys

PROGRAM = """
import ctypes, json, os, resource, select, time
from auricle.serving.decoder.sandbox import NICE, confine, die_with_parent

def attempt(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return "done"

def outlives_its_parent():
    alive, is_alive = os.pipe()
    ready, is_ready = os.pipe()
    if os.fork() == 0:
        parent = os.getpid()
        if os.fork() == 0:
            die_with_parent(parent)
            os.write(is_ready, b"x")
            time.sleep(30)
            os._exit(0)
        os.read(ready, 1)
        os._exit(0)
    os.close(is_alive)
    return select.select([alive], [], [], 20)[0] == []  # the end of the pipe comes when both are gone

def exit_of_an_orphan():
    pid = os.fork()
    if pid == 0:
        die_with_parent(os.getpid())  # which is not its parent
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

found = {"outlives": outlives_its_parent(), "orphan": exit_of_an_orphan()}
file, niceness, used = os.memfd_create("file"), os.nice(0), time.process_time()
confine(memory_bytes=1 << 26, file_bytes=1000, cpu_s=5)
found |= {
    "little memory": attempt(lambda: bytearray(1 << 24)),
    "much memory": attempt(lambda: bytearray(1 << 27)),
    "small file": attempt(lambda: os.write(file, bytes(1000))),
    "large file": attempt(lambda: os.write(file, bytes(1))),
    "process": attempt(os.fork),
    "root": attempt(lambda: os.setuid(0)) if os.getuid() else "it is root",
    "more memory": attempt(lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))),
    "descriptors": attempt(lambda: [os.dup(file) for _ in range(40)]),
    "core": resource.getrlimit(resource.RLIMIT_CORE),
    "seconds": 0 <= used + 5 - resource.getrlimit(resource.RLIMIT_CPU)[1] <= 1,
    "niceness": os.nice(0) == min(19, niceness + NICE),
    "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),
    "no new privileges": ctypes.CDLL(None).prctl(39, 0, 0, 0, 0),
}
print(json.dumps(found))
"""

FOUND = {
    "outlives": False,
    "orphan": 0,
    "little memory": "done",
    "much memory": "MemoryError",
    "small file": "done",
    "large file": "OSError",
    "process": "BlockingIOError",
    "root": "PermissionError",
    "more memory": "ValueError",
    "descriptors": "OSError",
    "core": [0, 0],
    "seconds": True,
    "niceness": True,
    "dumpable": 0,
    "no new privileges": 1,
}


def test_a_confined_process_can_do_no_more_than_decode() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == FOUND
