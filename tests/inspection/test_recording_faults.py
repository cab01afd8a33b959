"""Faults of single recordings, mixtures and numbers are each said once."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from auricle.datasets.dataset import Dataset
from auricle.inspection.fingerprints import Fingerprint
from auricle.inspection.recording_faults import find_recording_faults
from auricle.inspection.sample_rate import SampleRate
from auricle.inspection.scan import Recording

Make = Callable[..., Recording]


@pytest.fixture
def forty(labelled: Callable[..., Dataset]) -> Dataset:
    return labelled(["a", "b"] * 20, [f"r{i}" for i in range(40)])


def test_good_recordings_have_no_finding(forty: Dataset, recording: Make) -> None:
    assert list(find_recording_faults(forty, [recording() for _ in range(40)])) == []


@pytest.mark.parametrize(
    ("fault", "kind", "sentence"),
    [
        ({"silent": 0.95}, "mostly silence", "More than nine tenths digital silence"),
        ({"clipped": 0.01}, "clipping", "More than one sample of a thousand clipped"),
        ({"dc": -0.2}, "DC offset", "A DC offset above 1% of full scale"),
        ({"level_db": -70.0}, "quiet", "A level below -60 dB"),
        ({"duration_s": 0.06}, "short", "Shorter than 0.1 s"),
    ],
)
def test_fault_is_named(forty: Dataset, recording: Make, fault: dict[str, float], kind: str, sentence: str) -> None:
    recordings = [recording(**(fault if i < 4 else {"duration_s": 0.5})) for i in range(40)]
    (finding,) = find_recording_faults(forty, recordings)
    assert finding.kind == kind
    assert finding.message.startswith(f"{sentence}: 4 of 40 recordings (0.wav, 1.wav, 2.wav, and 1 more).")
    assert len(finding.files) == 4


def test_what_training_refuses_as_shorter_than_a_frame_is_named(forty: Dataset, recording: Make) -> None:
    recordings = [recording(duration_s=(0.4, 0.032, 0.0319)[i % 3 if i < 3 else 0]) for i in range(40)]
    short, frame = find_recording_faults(forty, recordings, SampleRate(8000, "that of all"))
    assert (short.kind, frame.kind, frame.severity) == ("short", "frame", "serious")
    assert frame.message.startswith("Shorter than one frame of the analysis (32 ms): 1 of 40 recordings (2.wav).")


def test_a_rare_fault_is_a_note(forty: Dataset, recording: Make) -> None:
    (once,) = find_recording_faults(forty, [recording(clipped=0.01 * (i < 1)) for i in range(40)])
    (often,) = find_recording_faults(forty, [recording(clipped=0.01 * (i < 2)) for i in range(40)])
    assert (once.severity, often.severity) == ("note", "warning")


def test_all_silent_is_serious(forty: Dataset, recording: Make) -> None:
    silence = replace(
        recording(level_db=-120.0, silent=1.0), fingerprint=Fingerprint(b"", recording().fingerprint.frames)
    )
    (finding,) = find_recording_faults(forty, [silence] * 40)
    assert (finding.kind, finding.severity) == ("silence", "serious")
    assert finding.message.startswith("Nothing but silence: all 40 recordings")


def test_mixed_rates_channels_and_durations_are_reported(forty: Dataset, recording: Make) -> None:
    recordings = [
        recording(rate_hz=(8000, 48_000)[i % 2], channels=1 + i // 20, duration_s=0.5 + 20 * (i == 3))
        for i in range(40)
    ]
    rates, channels, lengths = find_recording_faults(forty, recordings)
    assert rates.message.startswith("Sample rates differ: 20 at 8000 Hz, 20 at 48000 Hz.")
    assert "20 with 1, 20 with 2" in channels.message
    assert lengths.message.startswith("Lengths differ much: 0.50 s to 20.50 s.")


def test_imbalanced_and_rare_classes_are_reported(labelled: Callable[..., Dataset], recording: Make) -> None:
    dataset = labelled(["a"] * 40 + ["b"] * 5, [f"r{i}" for i in range(45)])
    uneven, few = find_recording_faults(dataset, [recording() for _ in range(45)])
    assert uneven.message.startswith(
        "Classes are uneven: 40 recordings of 'a', 5 of 'b'. Always predicting 'a' is right in 89%"
    )
    assert "'b' (5)" in few.message


def test_few_groups_are_reported(labelled: Callable[..., Dataset], recording: Make) -> None:
    dataset = labelled([float(i) for i in range(40)], [f"g{i % 4}" for i in range(40)])
    (finding,) = find_recording_faults(dataset, [recording() for _ in range(40)])
    assert "4 groups (`site`)" in finding.message


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [(["a"] * 40, "at least 2 classes"), (["a"] * 39 + ["b"], "must be in at least 2 groups")],
)
def test_refusal_of_training_is_reported(
    labelled: Callable[..., Dataset], recording: Make, labels: list[str], sentence: str
) -> None:
    dataset = labelled(labels, [f"r{i}" for i in range(40)])
    (split,) = (f for f in find_recording_faults(dataset, [recording() for _ in range(40)]) if f.kind == "split")
    assert split.severity == "serious"
    assert split.message.startswith("Training will refuse this data: ")
    assert sentence in split.message
