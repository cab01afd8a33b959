"""Optuna's search: features, families and settings together, pruned by fold, resumed after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from auricle.datasets.dataset import Dataset
from auricle.errors import UsageError
from auricle.features.spec import FeatureSpec
from auricle.training.search.cross_validation import SplitPlan
from auricle.training.search.optuna_search import optuna_search
from auricle.training.search.search import search
from auricle.training.search.search_space import SearchSpace
from auricle.training.search.training_data import TrainingData
from auricle.training.train import train

optuna = pytest.importorskip("optuna")

SPEC = FeatureSpec(rate_hz=16_000, n_fft=512, hop=128, n_mels=40, window_s=1.0)


class AnySpec(dict):
    """The same rows under every spec."""

    def __init__(self, data):
        super().__init__()
        self.data = data
        self.requested = set()

    def __missing__(self, spec):
        self.requested.add(spec)
        return self.data


@pytest.fixture
def data_by_spec(rng):
    rows = rng.normal(size=(90, 5)).astype(np.float32)
    truth = np.arange(90) % 3
    rows[:, 0] += truth
    return AnySpec(TrainingData(rows, np.arange(90), truth, ("a", "b", "c")))


SPACE = SearchSpace(("linear", "svm"), (), "classify", SPEC, vary_window=True)
PLAN = SplitPlan(np.arange(90) // 3 % 4, (0,), "")


def searched(data_by_spec, **options):
    explore = optuna_search(SPACE, n_searches=1, workers=1, **options)
    return search(data_by_spec, [SPACE.candidate("linear", {}, SPEC)], PLAN, explore=explore, workers=1)


def test_features_families_and_settings_are_searched_together(data_by_spec):
    found = searched(data_by_spec, n_trials=12)
    names = [trial.candidate.name for trial in found.trials]
    assert len(names) >= 13  # the default, and every trial
    assert any(name.startswith("svm(") for name in names)
    assert any("C=" in name for name in names)
    assert len(data_by_spec.requested) > 2  # more specs than the default
    assert {trial.status for trial in found.trials} <= {"compared", "beaten"}
    assert found.chosen in [trial.candidate for trial in found.trials]


def test_a_search_repeats_with_its_seed(data_by_spec):
    one, two = (searched(data_by_spec, n_trials=6) for _ in range(2))
    assert [t.candidate.name for t in one.trials] == [t.candidate.name for t in two.trials]
    np.testing.assert_array_equal(one.predictions, two.predictions)


def test_a_finished_search_is_not_repeated(data_by_spec, tmp_path):
    journal = tmp_path / "model.journal"
    first = searched(data_by_spec, n_trials=6, journal=journal)
    again = searched(data_by_spec, n_trials=6, journal=journal)
    assert again.chosen.name == first.chosen.name
    np.testing.assert_array_equal(again.predictions, first.predictions)
    assert len(again.trials) < len(first.trials)  # only the finalists are fitted anew


def test_a_journal_of_another_training_is_refused(data_by_spec, tmp_path):
    searched(data_by_spec, n_trials=1, journal=tmp_path / "model.journal", fingerprint="one")
    with pytest.raises(UsageError, match=r"model\.journal: a journal belongs to one training"):
        searched(data_by_spec, n_trials=1, journal=tmp_path / "model.journal", fingerprint="other")


def test_a_file_that_is_no_journal_is_refused(data_by_spec, tmp_path):
    for content in (b"no journal\n", b'{"name": "mine"}\n', b"\x7fELF\0 and so on", b'"'):
        (tmp_path / "notes.txt").write_bytes(content)
        with pytest.raises(UsageError, match=r"notes\.txt: a journal must be"):
            searched(data_by_spec, n_trials=1, journal=tmp_path / "notes.txt")
        assert (tmp_path / "notes.txt").read_bytes() == content


def test_a_budget_ends_the_search(data_by_spec):
    found = searched(data_by_spec, n_trials=10**6, budget_s=1e-9)
    assert len(found.trials) == 1


N_KILLED_TRIALS = 3
N_STUDIES = 6  # of each tested fold of recordings, and of the final choice
PROGRAM = f"""
import sys
from pathlib import Path
from auricle.datasets.dataset import Dataset
from auricle.training.search import optuna_search
from auricle.training.train import train
optuna_search.N_TRIALS = {N_KILLED_TRIALS}
data = Dataset.load(sys.argv[1], label="label")
train(data, window_s=0.2, models="linear", tune="optuna", journal=Path(sys.argv[2]), workers=1)
"""


def test_a_killed_search_resumes(machine_sounds, tmp_path, monkeypatch):
    journal = tmp_path / "model.journal"
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(machine_sounds), str(journal)])
    try:
        deadline = time.monotonic() + 120
        while finished(journal) < 2 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    before = finished(journal)
    assert 2 <= before < N_STUDIES * N_KILLED_TRIALS
    monkeypatch.setattr("auricle.training.search.optuna_search.N_TRIALS", N_KILLED_TRIALS)
    data = Dataset.load(machine_sounds, label="label")
    train(data, window_s=0.2, models="linear", tune="optuna", journal=journal, workers=1)
    assert finished(journal) == N_STUDIES * N_KILLED_TRIALS


def finished(journal: Path) -> int:
    if not journal.exists():
        return 0
    logged = [json.loads(line) for line in journal.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return sum(
        entry["op_code"] == 6 and entry["state"] in (1, 2) for entry in logged
    )  # a trial that ended or was pruned
