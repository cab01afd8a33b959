"""Leaks: duplicates by where they stand, contradictory answers, and stretches in common."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auricle.audio.clip import Clip
from auricle.datasets.dataset import Dataset
from auricle.inspection.findings import Finding
from auricle.inspection.fingerprints import fingerprint
from auricle.inspection.leaks import Leaks, find_leaks
from auricle.inspection.scan import Recording

Chatter = Callable[..., Clip]


@pytest.fixture
def leaks(recording: Callable[..., Recording]) -> Callable[..., Leaks]:
    def find(dataset: Dataset, clips: Sequence[Clip]) -> Leaks:
        return find_leaks(dataset, [replace(recording(), fingerprint=fingerprint(clip)) for clip in clips])

    return find


def kinds(found: Leaks) -> list[tuple[str, str]]:
    return [(finding.kind, finding.severity) for finding in found.findings]


def with_copy(chatter: Chatter, gain: float) -> list[Clip]:
    clips = [chatter(seed, 1.5) for seed in range(4)]
    return [*clips, Clip(gain * clips[1].samples, clips[1].rate_hz)]


def test_different_sounds_have_no_findings(
    chatter: Chatter, labelled: Callable[..., Dataset], leaks: Callable[..., Leaks]
) -> None:
    found = leaks(labelled(list("abab"), list("1234")), [chatter(seed, 1.5) for seed in range(4)])
    assert found == Leaks((), ())


def test_duplicates_across_the_folds_of_a_training_are_named(
    chatter: Chatter, labelled: Callable[..., Dataset], recording: Callable[..., Recording]
) -> None:
    dataset = labelled(list("ababb"), list("12345"))
    recordings = [replace(recording(), fingerprint=fingerprint(clip)) for clip in with_copy(chatter, 0.5)]
    (finding,) = find_leaks(dataset, recordings, blocks=np.array([0, 1, 0, 1, 1])).findings
    assert (finding.kind, finding.severity) == ("duplicates", "note")
    (finding,) = find_leaks(dataset, recordings, blocks=np.array([0, 1, 0, 1, 0])).findings
    assert finding.kind == "duplicates across a split"
    assert "can be on both sides of a split by fold: 1.wav and 4.wav" in finding.message


@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_duplicates_in_two_groups_are_serious(
    gain: float, chatter: Chatter, labelled: Callable[..., Dataset], leaks: Callable[..., Leaks]
) -> None:
    found = leaks(labelled(list("ababb"), list("12342")), with_copy(chatter, gain))
    assert kinds(found) == [("duplicates", "note")]
    found = leaks(labelled(list("ababb"), list("12345")), with_copy(chatter, gain))
    assert kinds(found) == [("duplicates across a split", "serious")]
    (finding,) = found.findings
    relation = "same samples" if gain == 1 else "near duplicate, offset 0.00 s, gain -6 dB"
    assert finding.message.startswith(
        "1 pair of recordings has the same sound and can be on both sides of a split by `site`: "
        f"1.wav and 4.wav ({relation})."
    )
    assert finding.files == (Path("1.wav"), Path("4.wav"))


def test_published_folds_decide_the_side_of_a_recording(
    chatter: Chatter, labelled: Callable[..., Dataset], leaks: Callable[..., Leaks]
) -> None:
    clips = with_copy(chatter, 0.5)
    assert kinds(leaks(labelled(list("ababb"), list("12345"), list("xxyyx")), clips)) == [("duplicates", "note")]
    (finding,) = leaks(labelled(list("ababb"), list("12345"), list("xxyyy")), clips).findings
    assert "split by published fold" in finding.message


def test_one_sound_with_two_labels_is_a_contradiction(
    chatter: Chatter, labelled: Callable[..., Dataset], leaks: Callable[..., Leaks]
) -> None:
    found = leaks(labelled(list("ababa"), list("12342")), with_copy(chatter, 0.5))
    assert kinds(found) == [("contradiction", "serious"), ("duplicates", "note")]
    assert "1.wav (b) and 4.wav (a)" in found.findings[0].message


def test_one_sound_with_two_targets_is_a_contradiction(
    chatter: Chatter, labelled: Callable[..., Dataset], leaks: Callable[..., Leaks]
) -> None:
    found = leaks(labelled([1.0, 2.0, 3.0, 4.0, 2.5], list("12342")), with_copy(chatter, 1.0))
    assert "1.wav (2) and 4.wav (2.5)" in found.findings[0].message


def test_a_stretch_in_common_is_a_warning_across_groups_only(
    chatter: Chatter, labelled: Callable[..., Dataset], leaks: Callable[..., Leaks]
) -> None:
    first, second = chatter(1, 5.0), chatter(2, 5.0)
    second.samples[:32_000] = first.samples[-32_000:]
    assert kinds(leaks(labelled(list("ab"), list("12")), [first, second])) == [("windows in common", "warning")]
    assert kinds(leaks(labelled(list("ab"), list("11")), [first, second])) == []


def test_parts_of_one_file_may_overlap(
    chatter: Chatter, labelled: Callable[..., Dataset], leaks: Callable[..., Leaks]
) -> None:
    dataset = labelled(list("ab"), list("11"))
    same = tuple(replace(example, file=Path("day.wav")) for example in dataset.examples)
    clip = chatter(1, 2.0)
    assert leaks(replace(dataset, examples=same), [clip, clip]) == Leaks((), ())


def test_many_pairs_are_one_finding(
    chatter: Chatter, labelled: Callable[..., Dataset], leaks: Callable[..., Leaks]
) -> None:
    clips = [chatter(seed, 1.0) for seed in range(5)] * 2
    (finding,) = leaks(labelled(list("ababa") * 2, list("0123456789")), clips).findings
    assert finding.message.startswith("5 pairs of recordings have the same sound")
    assert "; and 2 more." in finding.message
    assert len(finding.files) == 10


def test_leaks_are_json(chatter: Chatter, labelled: Callable[..., Dataset], leaks: Callable[..., Leaks]) -> None:
    dataset = labelled(list("ababb"), list("12345"))
    summary = leaks(dataset, with_copy(chatter, 1.0)).as_json(dataset)
    assert summary["duplicates"] == [{"first": "1.wav", "second": "4.wav", "relation": "same samples", "likeness": 1.0}]
    assert [finding["kind"] for finding in summary["findings"]] == ["duplicates across a split"]


def test_shortcuts_and_group_leakage_are_among_the_findings(
    labelled: Callable[..., Dataset], recording: Callable[..., Recording], rng: np.random.Generator
) -> None:
    dataset = labelled(["a", "b"] * 40, [f"r{i}" for i in range(80)])
    examples = tuple(replace(e, metadata={"room": f"room {i // 2 % 4}"}) for i, e in enumerate(dataset.examples))
    rooms = rng.standard_normal((4, 6))
    recordings = [
        recording(rooms[i // 2 % 4] + 0.1 * rng.standard_normal(6), rate_hz=(8000, 16_000)[i % 2]) for i in range(80)
    ]
    found: list[Finding] = list(find_leaks(replace(dataset, examples=examples), recordings).findings)
    assert [finding.kind for finding in found] == ["shortcut", "kinship"]
