"""A class that one measure or column gives away is named; what is balanced, small or natural is not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from auricle.datasets.dataset import Dataset
from auricle.inspection.findings import Finding
from auricle.inspection.scan import Recording
from auricle.inspection.shortcuts import find_shortcuts, skill_of_class, skill_of_number

Make = Callable[..., Recording]
N = 120


@pytest.fixture
def three(labelled: Callable[..., Dataset]) -> Dataset:
    """Three classes of 40 recordings, each recording its own group."""
    return labelled(["bell", "drum", "horn"] * 40, [f"r{i}" for i in range(N)])


def find_in_columns(dataset: Dataset, columns: Mapping[str, Sequence[str]], recording: Make) -> list[Finding]:
    examples = tuple(
        replace(example, metadata={name: values[i] for name, values in columns.items()})
        for i, example in enumerate(dataset.examples)
    )
    return list(find_shortcuts(replace(dataset, examples=examples), [recording() for _ in examples]))


def test_balanced_data_give_no_finding(three: Dataset, recording: Make, rng: np.random.Generator) -> None:
    recordings = [
        recording(
            level_db=rng.normal(-20, 6),
            rate_hz=int(rng.choice([8000, 16_000])),
            duration_s=rng.uniform(1, 9),
            dc=rng.normal(),
        )
        for _ in range(N)
    ]
    assert list(find_shortcuts(three, recordings)) == []


@pytest.mark.parametrize(
    ("measure", "usual", "of_horns", "sentence"),
    [
        (
            "level_db",
            lambda rng: rng.normal(-20, 4),
            lambda rng: rng.normal(-45, 2),
            "Level alone predicts 'horn' against the rest",
        ),
        ("rate_hz", lambda _: 44_100, lambda _: 48_000, "Sample rate alone predicts 'horn' against the rest"),
        (
            "duration_s",
            lambda rng: rng.uniform(2, 3),
            lambda rng: rng.uniform(3.5, 4),
            "Duration alone predicts 'horn'",
        ),
        (
            "bandwidth_hz",
            lambda rng: rng.normal(8000, 300),
            lambda rng: rng.normal(4000, 300),
            "Bandwidth alone predicts 'horn'",
        ),
        ("dc", lambda rng: rng.normal(0, 1e-4), lambda rng: rng.normal(0.01, 1e-4), "DC offset alone predicts 'horn'"),
        (
            "noise_floor_db",
            lambda rng: rng.normal(-70, 3),
            lambda rng: rng.normal(-50, 3),
            "Noise floor alone predicts",
        ),
    ],
)
def test_class_with_other_recording_conditions_is_named(
    three: Dataset,
    recording: Make,
    rng: np.random.Generator,
    measure: str,
    usual: Callable[[np.random.Generator], float],
    of_horns: Callable[[np.random.Generator], float],
    sentence: str,
) -> None:
    recordings = [recording(**{measure: (of_horns if label == "horn" else usual)(rng)}) for label in three.labels]
    (finding,) = find_shortcuts(three, recordings)
    assert finding.kind == "shortcut"
    assert finding.severity == "warning"
    assert finding.message.startswith(sentence)
    assert "95% interval from 0." in finding.message
    assert finding.files == tuple(e.file for e in three.examples if e.label == "horn")


def test_correlated_measures_are_one_finding(three: Dataset, recording: Make, rng: np.random.Generator) -> None:
    gains = [-45 if label == "horn" else rng.normal(-20, 4) for label in three.labels]
    (finding,) = find_shortcuts(three, [recording(level_db=gain, noise_floor_db=gain - 30) for gain in gains])
    assert "So does noise floor." in finding.message


def test_a_class_recorded_with_one_device_is_named(three: Dataset, recording: Make) -> None:
    devices = ["phone" if label == "horn" else f"tape {i % 2}" for i, label in enumerate(three.labels)]
    (finding,) = find_in_columns(three, {"device": devices}, recording)
    assert "`device` alone predicts 'horn' against the rest" in finding.message
    assert "'horn': 'phone' (40); the others: 'tape 0' (40), 'tape 1' (40)" in finding.message


def test_all_classes_predicted_by_a_column_are_one_finding(three: Dataset, recording: Make) -> None:
    sites = [f"site of {label}" for label in three.labels]
    (finding,) = find_in_columns(three, {"site of recording": sites}, recording)
    assert "`site of recording` alone predicts the class" in finding.message


def test_uninformative_columns_and_copies_of_the_label_are_skipped(three: Dataset, recording: Make) -> None:
    columns = {
        "class": [label.upper() for label in three.labels],
        "class_id": [str(["bell", "drum", "horn"].index(label)) for label in three.labels],
        "site": [f"site of {label}" for label in three.labels],  # the group: no split tears it apart
        "note": ["same"] * N,
        "number": [str(i) for i in range(N)],
        "device": [f"device {i % 5}" for i in range(N)],
    }
    assert find_in_columns(three, columns, recording) == []


def test_few_recordings_give_no_finding(labelled: Callable[..., Dataset], recording: Make) -> None:
    small = labelled(["bell", "horn"] * 4, [f"r{i}" for i in range(8)])
    recordings = [recording(level_db=-45 if label == "horn" else -20) for label in small.labels]
    assert list(find_shortcuts(small, recordings)) == []


def test_many_recordings_of_few_groups_count_as_few(labelled: Callable[..., Dataset], recording: Make) -> None:
    dataset = labelled(["bell", "horn"] * 60, [f"{'ab'[i % 2]}{i % 6}" for i in range(N)])
    recordings = [recording(level_db=-45 if label == "horn" else -20) for label in dataset.labels]
    assert list(find_shortcuts(dataset, recordings)) == []


def test_one_group_or_one_class_gives_no_finding(labelled: Callable[..., Dataset], recording: Make) -> None:
    assert list(find_shortcuts(labelled(["a", "b"], ["g", "g"]), [recording(), recording(level_db=-50)])) == []
    alike = labelled(["a"] * 30, [f"r{i}" for i in range(30)])
    assert list(find_shortcuts(alike, [recording(level_db=-i) for i in range(30)])) == []


def test_target_predicted_by_level_is_named(labelled: Callable[..., Dataset], recording: Make) -> None:
    dataset = labelled([float(i % 40) for i in range(N)], [f"r{i}" for i in range(N)])
    (finding,) = find_shortcuts(dataset, [recording(level_db=-60 + target) for target in dataset.targets])
    assert finding.message.startswith("Level alone predicts the target (R² 1.00, 95% interval from 0.")


def test_noise_gives_no_finding_for_a_target(
    labelled: Callable[..., Dataset], recording: Make, rng: np.random.Generator
) -> None:
    dataset = labelled([float(i % 40) for i in range(N)], [f"r{i}" for i in range(N)])
    assert list(find_shortcuts(dataset, [recording(level_db=rng.normal(-20, 5)) for _ in range(N)])) == []
    constant = labelled([1.0] * N, [f"r{i}" for i in range(N)])
    assert list(find_shortcuts(constant, [recording(level_db=rng.normal(-20, 5)) for _ in range(N)])) == []


def test_published_folds_are_used(labelled: Callable[..., Dataset], recording: Make) -> None:
    """Within each fold the level gives the class away, but another level in each: nothing carries over."""
    folds = [str(i // 24) for i in range(N)]
    dataset = labelled(["bell", "horn"] * 60, [f"r{i}" for i in range(N)], folds)
    level = [-20.0 - 10 * int(fold) - 5 * (label == "horn") for fold, label in zip(folds, dataset.labels, strict=True)]
    assert list(find_shortcuts(dataset, [recording(level_db=value) for value in level])) == []


def test_skills_of_a_literal_example() -> None:
    bins, labels = np.array([0, 0, 1, 1]), np.array(["a", "a", "b", "b"])
    folds, groups = np.array([0, 1, 0, 1]), np.array(["1", "2", "3", "4"])
    skill, low = skill_of_class(bins, labels, folds, groups)
    assert skill.tolist() == [1.0, 1.0]
    assert low == pytest.approx(2 / (2 + 1.96**2), abs=1e-9)  # Wilson's bound for 2 of 2
    r2, bound = skill_of_number(bins, np.array([1.0, 1.0, 5.0, 5.0]), folds, groups)
    assert r2 == 1.0
    assert 0 <= bound <= 1
