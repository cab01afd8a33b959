"""What must be set before any library is loaded: threads, and byte code."""

import os
import sys

# One thread a process for BLAS and OpenMP: the tests' processes share the cores, and threads that wait spin.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# The processes that tests start share their byte code: without it, each compiles all of auricle again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
