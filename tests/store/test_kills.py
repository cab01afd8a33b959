"""A process killed while it writes: every acknowledged entry is stored once, and the database is intact."""

import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE

import numpy as np
import sqlalchemy as sa

from auricle.store.store import Store
from auricle.store.tables import PREDICTIONS

WRITE = """
import sys
import numpy as np
from auricle.runtime.clock import new_id, now
from auricle.records import Entry, Prediction
from auricle.store.store import Store

answer = Prediction("recording", 0.0, 1.0, "m@1", label="a", probabilities={"a": 1.0}, confidence=1.0)

def tell(future):
    sys.stdout.write(future.result().id + "\\n")
    sys.stdout.flush()

with Store.open(sys.argv[1]) as store, store.writer() as writer:
    while True:
        entry = Entry(new_id(), now(), "m@1", (answer,), np.zeros(100, "f4"), np.zeros((2, 50), "f4"))
        future = writer.submit(entry, sound=new_id().encode() * 20)
        future.add_done_callback(tell)
        if writer._waiting.qsize() > 100:
            future.result()
"""


def test_a_kill_loses_and_duplicates_no_acknowledged_entry(
    store_url: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    with (tmp_path / "acknowledged").open("wb") as acknowledged_file, Store.open(store_url):
        process = subprocess.Popen([sys.executable, "-c", WRITE, store_url], stdout=acknowledged_file, stderr=PIPE)
        try:
            while not (tmp_path / "acknowledged").stat().st_size and process.poll() is None:
                time.sleep(0.01)
            time.sleep(rng.uniform(0.05, 0.4))
        finally:
            process.kill()
            _, errors = process.communicate()
    assert process.returncode == -9, errors.decode()
    # A write to a pipe or file is whole or not there, but the last line may lack its end.
    acknowledged = [line for line in (tmp_path / "acknowledged").read_text().split("\n")[:-1] if line]
    assert acknowledged
    with Store.open(store_url) as store:
        with store.database.read() as connection:
            kept = list(connection.execute(sa.select(PREDICTIONS.c.id)).scalars())
            if store.database.is_sqlite:
                assert connection.execute(sa.text("PRAGMA integrity_check")).scalar_one() == "ok"
        assert len(kept) == len(set(kept))
        assert set(acknowledged) <= set(kept)
        assert all(store.sound(identity) for identity in acknowledged[-5:])
