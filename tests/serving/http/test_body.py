import hashlib
import os
from pathlib import Path

import pytest

from auricle.errors import RequestError
from auricle.serving.http.body import Body
from auricle.serving.inference.memory import MemoryBudget


@pytest.mark.parametrize("size", [0, 1, 1000, 262_144, 262_145, 1_000_003])
def test_a_body_holds_the_received_bytes(size: int) -> None:
    memory_budget = MemoryBudget(2_000_000)
    content = bytes(i * i % 251 for i in range(size))
    with Body(memory_budget) as body:
        for start in range(0, size, 100_000):
            body.write(content[start : start + 100_000])
        assert body.n_bytes == size
        assert body.digest() == hashlib.sha256(content).hexdigest()
        assert os.pread(body.descriptor(), size + 1, 0) == content
        assert body.digest() == hashlib.sha256(content).hexdigest()
        assert memory_budget._free_bytes == 2_000_000 - size
    body.close()
    assert memory_budget._free_bytes == 2_000_000


def test_a_closed_body_leaves_no_descriptors() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with Body(MemoryBudget(10)) as body:
            body.write(b"sound")
            body.descriptor()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_memory_budget_limits_bodies() -> None:
    memory_budget = MemoryBudget(100)
    with Body(memory_budget) as body:
        body.write(bytes(60))
        with pytest.raises(RequestError, match="too much sound") as refused:
            body.write(bytes(60))
    assert refused.value.reason == "overloaded"
    assert memory_budget._free_bytes == 100
