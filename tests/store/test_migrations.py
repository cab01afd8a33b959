import subprocess
import sys
from subprocess import PIPE

import pytest
import sqlalchemy as sa

from auricle.errors import StoreError
from auricle.store.migrations import STEPS, Step, migrate
from auricle.store.store import Store
from auricle.store.tables import VERSION

START = """
import sys
from auricle.store.store import Store
print("ready", flush=True)
sys.stdin.readline()
with Store.open(sys.argv[1]) as store:
    token, key = store.keys.create(["predict"])
    assert store.keys.verify(token) == key
"""


def test_steps_are_numbered_from_one() -> None:
    assert [step.version for step in STEPS] == list(range(1, len(STEPS) + 1))


def test_three_processes_migrate_an_empty_database_concurrently(store_url: str) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", START, store_url], stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True)
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60)[1] for process in processes]
    assert [(process.returncode, text) for process, text in zip(processes, outputs, strict=True)] == [(0, "")] * 3
    with Store.open(store_url) as store:
        assert len(store.keys.all()) == 3


def test_reopening_changes_nothing(store_url: str) -> None:
    with Store.open(store_url) as store:
        _, key = store.keys.create(["read"])
    with Store.open(store_url) as store:
        assert store.keys.all() == (key,)


def test_migrate_runs_missing_steps_once(store_url: str) -> None:
    done: list[int] = []
    more = Step(len(STEPS) + 1, "note", lambda _: done.append(1))
    with Store.open(store_url) as store:
        assert migrate(store.database, (*STEPS, more)) == more.version
        assert migrate(store.database, (*STEPS, more)) == more.version
    assert done == [1]


def test_a_failed_step_is_rolled_back(store_url: str) -> None:
    def broken(connection: sa.Connection) -> None:
        connection.execute(sa.text("CREATE TABLE half (done INTEGER)"))
        raise ZeroDivisionError

    with Store.open(store_url) as store:
        with pytest.raises(ZeroDivisionError):
            migrate(store.database, (*STEPS, Step(len(STEPS) + 1, "break", broken)))
        assert migrate(store.database) == len(STEPS)
        assert not sa.inspect(store.database.engine).has_table("half")


def test_a_newer_schema_is_refused(store_url: str) -> None:
    with Store.open(store_url) as store, store.database.write() as connection:
        connection.execute(sa.update(VERSION).values(version=99))
    with pytest.raises(StoreError, match=rf"version must be at most {len(STEPS)}. Got 99: use the version of auricle"):
        Store.open(store_url)
