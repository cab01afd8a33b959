"""``auricle retrain``: the decision, as text and JSON, and labels that cannot be used."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auricle.lifecycle.challenger import Challenger
from auricle.prediction.log_entries import build_entry
from auricle.prediction.predictor import Predictor
from auricle.prediction.stream import Stream
from auricle.store.labels.feedback import FeedbackEntry
from auricle.store.store import Store

Run = Callable[..., Any]


@pytest.fixture
def url(auricle: Run, states_file: Path, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'engine.db'}"
    assert auricle("models", "add", states_file, "--store", url).code == 0
    return url


def test_without_labels_the_champion_stays(auricle: Run, url: str, machine_sounds: Path) -> None:
    ran = auricle("retrain", machine_sounds, "--group", "machine", "--store", url)
    assert ran.code == 0
    assert "The champion stays: no significant gain" in ran.out
    assert "0 labels: 0 learned from, 0 kept to judge by" in ran.out
    assert "hold-out" in ran.out
    models = json.loads(auricle("models", "list", "--store", url, "--json").out)["models"]
    assert len(models) == 1  # equal trainings give equal bundles


def test_the_decision_is_one_json_object(
    auricle: Run, url: str, machine_sounds: Path, monkeypatch: Any, states: Predictor
) -> None:
    monkeypatch.setattr(Challenger, "train", lambda *_, **__: states.bundle)
    ran = auricle("retrain", machine_sounds, "--group", "machine", "--store", url, "--json")
    found = json.loads(ran.out)
    assert (ran.code, found["outcome"], found["champion"]) == (0, "kept", states.name)
    assert found["judgement"]["scores"][0]["n_recordings"] == 24
    with Store.open(url) as store:
        (decision,) = store.decisions.latest()
    assert decision.body["judgement"] == found["judgement"]


def test_unusable_labels_exit_with_1(auricle: Run, url: str, machine_sounds: Path, states: Predictor) -> None:
    from auricle.audio.decode import read

    clip = read(machine_sounds.parent / "clips" / "0001.wav")
    stream = Stream(states.loaded, rate_hz=clip.rate_hz)
    stream.feed(clip.samples)
    kept = replace(build_entry(stream, stream.finish()), audio=None)
    with Store.open(url) as store:
        store.add([kept])
        store.feedback.add(FeedbackEntry(kept.id, label="healthy"))
    ran = auricle("retrain", machine_sounds, "--group", "machine", "--store", url)
    assert ran.code == 1
    assert "None of 1 labels can be used: 1 of which no sound was kept. Have the server keep sound." in ran.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "recordings must be grouped as when the champion was trained"),
        (("--group", "machine", "--model", "fans"), "The model 'fans' must have a champion"),
        (("--group", "machine", "--half-life-days", "0"), "`half_life_days` must be above 0. Got 0."),
        (("--group", "machine", "--models", "oracle"), "`models` must be among"),
        (("--group", "machine", "--cache-max", "much"), "A size must be a number"),
    ],
)
def test_bad_options_are_one_sentence(
    auricle: Run,
    url: str,
    machine_sounds: Path,
    options: tuple[str, ...],
    message: str,
    monkeypatch: Any,
    states: Predictor,
) -> None:
    if "oracle" not in options:
        monkeypatch.setattr(Challenger, "train", lambda *_, **__: states.bundle)
    ran = auricle("retrain", machine_sounds, *options, "--store", url)
    assert ran.code == 2
    assert message in ran.sentence


def test_a_missing_store_is_not_created(auricle: Run, machine_sounds: Path, tmp_path: Path) -> None:
    ran = auricle("retrain", machine_sounds, "--store", f"sqlite:///{tmp_path / 'none.db'}")
    assert ran.code == 2
    assert "there is no such file" in ran.sentence
    assert not (tmp_path / "none.db").exists()
