"""Optuna's search: features, families and settings together, pruned by fold, gone on with after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from auricle.errors import UsageError
from auricle.features.spec import FeatureSpec
from auricle.training.design_matrix import DesignMatrix
from auricle.training.search.cross_validation import SplitPlan
from auricle.training.search.optuna_search import optuna_search
from auricle.training.search.search import search
from auricle.training.search.search_space import SearchSpace

optuna = pytest.importorskip("optuna")

SPEC = FeatureSpec(rate_hz=16_000, n_fft=512, hop=128, n_mels=40, window_s=1.0)


class AnySpec(dict):
    """The same rows under every spec."""

    def __init__(self, table):
        super().__init__()
        self.table = table
        self.asked = set()

    def __missing__(self, spec):
        self.asked.add(spec)
        return self.table


@pytest.fixture
def tables(rng):
    rows = rng.normal(size=(90, 5)).astype(np.float32)
    truth = np.arange(90) % 3
    rows[:, 0] += truth
    return AnySpec(DesignMatrix(rows, np.arange(90), truth, ("a", "b", "c")))


MENU = SearchSpace(("linear", "svm"), (), "classify", SPEC, vary_window=True)
PLAN = SplitPlan(np.arange(90) // 3 % 4, (0,), "")


def explored(tables, **options):
    explore = optuna_search(MENU, n_searches=1, workers=1, **options)
    return search(tables, [MENU.candidate("linear", {}, SPEC)], PLAN, explore=explore, workers=1)


def test_features_families_and_settings_are_searched_together(tables):
    found = explored(tables, n_trials=12)
    names = [trial.candidate.name for trial in found.trials]
    assert len(names) >= 13  # the default, and every trial
    assert any(name.startswith("svm(") for name in names)
    assert any("C=" in name for name in names)
    assert len(tables.asked) > 2  # more specs than the default
    assert {trial.fate for trial in found.trials} <= {"compared", "beaten"}
    assert found.chosen in [trial.candidate for trial in found.trials]


def test_a_search_repeats_with_its_seed(tables):
    one, two = (explored(tables, n_trials=6) for _ in range(2))
    assert [t.candidate.name for t in one.trials] == [t.candidate.name for t in two.trials]
    np.testing.assert_array_equal(one.answers, two.answers)


def test_a_finished_search_is_not_made_again(tables, tmp_path):
    journal = tmp_path / "model.journal"
    first = explored(tables, n_trials=6, journal=journal)
    again = explored(tables, n_trials=6, journal=journal)
    assert again.chosen.name == first.chosen.name
    np.testing.assert_array_equal(again.answers, first.answers)
    assert len(again.trials) < len(first.trials)  # only what is worth comparing is fitted anew


def test_a_journal_of_another_training_is_refused(tables, tmp_path):
    explored(tables, n_trials=1, journal=tmp_path / "model.journal", fingerprint="one")
    with pytest.raises(UsageError, match=r"model\.journal: a journal belongs to one training"):
        explored(tables, n_trials=1, journal=tmp_path / "model.journal", fingerprint="other")


def test_what_is_no_journal_is_refused(tables, tmp_path):
    (tmp_path / "notes.txt").write_text("no journal\n")
    with pytest.raises(UsageError, match=r"notes\.txt: a journal must be"):
        explored(tables, n_trials=1, journal=tmp_path / "notes.txt")


def test_a_budget_ends_the_search(tables):
    found = explored(tables, n_trials=10**6, budget_s=1e-9)
    assert len(found.trials) == 1


PROGRAM = """
import sys
from pathlib import Path
from auricle.datasets.dataset import Dataset
from auricle.training.train import train
data = Dataset.load(sys.argv[1], label="label")
train(data, window_s=0.2, models="linear", tune="optuna", journal=Path(sys.argv[2]), workers=1)
"""


def test_a_killed_search_goes_on(machine_sounds, tmp_path):
    journal = tmp_path / "model.journal"
    command = [sys.executable, "-c", PROGRAM, str(machine_sounds), str(journal)]
    process = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + 120
        while finished(journal) < 3 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    before = finished(journal)
    assert 3 <= before < 40
    subprocess.run(command, check=True, timeout=300)
    assert finished(journal) == 40


def finished(journal: Path) -> int:
    if not journal.exists():
        return 0
    logged = [json.loads(line) for line in journal.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return sum(one["op_code"] == 6 and one["state"] in (1, 2) for one in logged)  # a trial's end, told or pruned
