"""Defaults of a training: the spec of mixed recordings, and the blocks that are held out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.datasets.dataset import Dataset
from auricle.datasets.headers import read_headers
from auricle.errors import SplitError, UsageError
from auricle.training.defaults import choose_spec, choose_split


@pytest.fixture
def mixed(tmp_path: Path) -> Dataset:
    """One recording of 2 s at 16 kHz and one of 1.5 s at 44.1 kHz, each of its own class."""
    for label, rate_hz, duration_s in (("a", 16_000, 2.0), ("b", 44_100, 1.5)):
        (tmp_path / label).mkdir()
        soundfile.write(tmp_path / label / "1.wav", np.full(int(duration_s * rate_hz), 0.1), rate_hz)
    return Dataset.load(tmp_path)


def test_the_spec_has_the_rate_and_the_longest_clip(mixed: Dataset) -> None:
    spec = choose_spec(read_headers(mixed), 16_000)
    assert spec.rate_hz == 16_000
    assert spec.window_s == pytest.approx(2.001)


def test_the_band_of_the_mel_features_is_that_asked_for(mixed: Dataset) -> None:
    spec = choose_spec(read_headers(mixed), 16_000, fmin_hz=300.0, fmax_hz=6000.0)
    assert (spec.fmin_hz, spec.fmax_hz) == (300.0, 6000.0)


def test_long_recordings_are_cut_into_windows_of_5_s(mixed: Dataset) -> None:
    headers = read_headers(mixed)
    assert choose_spec(replace(headers, duration_s=np.array([60.0, 1.0])), 16_000).window_s == 5.0
    assert choose_spec(headers, 16_000, window_s=0.5).window_s == 0.5


def test_a_window_is_at_least_one_frame(mixed: Dataset) -> None:
    spec = choose_spec(read_headers(mixed), 16_000, window_s=1e-6)
    assert spec.window_s == spec.n_fft / spec.rate_hz


@pytest.fixture(scope="module")
def sounds(machine_sounds: Path) -> Dataset:
    return Dataset.load(machine_sounds, label="label", group="machine")


@pytest.mark.parametrize(("tune", "n_groups"), [("none", 3), ("grid", 3), ("grid", 24), ("grid", 48)])
def test_no_group_lies_in_two_blocks(sounds: Dataset, tune: str, n_groups: int) -> None:
    if n_groups > 3:
        sounds = each_its_own(replace(sounds, examples=sounds.examples * (n_groups // 24)))
    plan = choose_split(sounds, tune=tune)
    assert plan.is_nested == (n_groups < 25)  # one speaker of six would say little about the next
    assert len(plan.tested) == {3: 3, 24: 5, 48: 1}[n_groups]
    for group in np.unique(sounds.groups):
        assert len(np.unique(plan.blocks[sounds.groups == group])) == 1


def each_its_own(data: Dataset) -> Dataset:
    examples = tuple(replace(example, group=str(index)) for index, example in enumerate(data.examples))
    return replace(data, examples=examples)


def test_a_tuned_search_over_many_groups_holds_one_block_out(sounds: Dataset) -> None:
    plan = choose_split(each_its_own(replace(sounds, examples=sounds.examples * 2)), tune="optuna")
    assert plan.tested == (0,)
    assert plan.protocol.startswith("on one held-out fifth of the groups")


def test_an_unknown_split_is_refused(sounds: Dataset) -> None:
    with pytest.raises(UsageError, match=r"`split` must be among group, time\. Got 'luck'"):
        choose_split(sounds, split="luck")  # type: ignore[arg-type]


def test_held_out_targets_must_differ(machine_sounds: Path) -> None:
    data = each_its_own(Dataset.load(machine_sounds, target="rpm", group="machine"))
    dated = [replace(e, time=f"2026-01-01T00:{i:02d}:00Z") for i, e in enumerate(data.examples)]
    held_out = np.flatnonzero(choose_split(replace(data, examples=tuple(dated)), split="time").blocks == 0)
    examples = (replace(e, target=5.0) if i in held_out else e for i, e in enumerate(dated))
    same = replace(data, examples=tuple(examples))
    with pytest.raises(SplitError, match=r"the held-out targets must differ to be scored\. All \d+ are 5"):
        choose_split(same, split="time")
