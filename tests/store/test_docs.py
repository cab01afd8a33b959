"""Statements of docs/store.md hold."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from auricle.records import Entry
from auricle.store.keys import SCOPES
from auricle.store.store import Store

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "store.md").read_text(encoding="utf-8")


def test_docs_list_every_scope() -> None:
    assert re.findall(r"^\| `(\w+)` \| to ", TEXT, re.MULTILINE) == list(SCOPES)


def test_docs_query_runs(tmp_path: Path, make_entry: Callable[..., Entry]) -> None:
    with Store.open(str(tmp_path / "engine.db")) as store:
        store.add([make_entry(model="engine@31d1217b4dcb") for _ in range(2)])
    (query,) = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)
    with closing(sqlite3.connect(tmp_path / "engine.db")) as connection:
        assert connection.execute(query).fetchall() == [("worn", 2, 0.7)]
