"""One thread a process for BLAS and OpenMP: the tests' processes share the cores, and threads that wait spin."""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # read when the libraries are loaded, so before any test is
    os.environ.setdefault(name, "1")
