"""``auricle models``: add, list, promote, roll back and show bundles of the registry."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auricle.bundles.bundle import Bundle
from auricle.store.store import Store

Run = Callable[..., Any]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'engine.db'}"


@pytest.fixture
def later(states_file: Path, tmp_path: Path) -> Path:
    """Another version of the same model."""
    bundle = Bundle.load(states_file)
    path = tmp_path / "later.auricle"
    replace(bundle, manifest=bundle.manifest.model_copy(update={"verdict": "Better."})).save(path)
    return path


def test_a_model_is_added_promoted_and_rolled_back(auricle: Run, states_file: Path, later: Path, url: str) -> None:
    first = json.loads(auricle("models", "add", states_file, "--why", "winter", "--json", "--store", url).out)
    assert first["aliases"] == ["champion"]
    ran = auricle("models", "add", later, "--store", url)
    assert ran.code == 0
    models = json.loads(auricle("models", "list", "--json", "--store", url).out)["models"]
    second = next(model for model in models if not model["aliases"])
    assert f"{second['model']} is in the registry." in ran.err
    promoted = auricle("models", "promote", second["model"], "--why", "recognises more", "--store", url)
    assert f"{second['model']} is the champion." in promoted.err
    shown = auricle("models", "show", "states", "--store", url)
    assert "Better." in shown.out
    assert "library_name" not in shown.out
    assert "recognises more" in shown.out
    rolled = json.loads(auricle("models", "rollback", "states", "--why", "worse", "--json", "--store", url).out)
    assert (rolled["model"], rolled["kind"], rolled["why"]) == (first["model"], "rollback", "worse")
    shown = json.loads(auricle("models", "show", first["digest"], "--json", "--store", url).out)
    assert shown["aliases"] == ["champion"]
    assert [change["kind"] for change in shown["changes"]] == ["promotion", "promotion", "rollback"]
    listed = auricle("models", "list", "--store", url).out
    assert first["digest"][:12] in listed
    assert "champion" in listed


def test_the_second_of_two_promotions_fails(auricle: Run, states_file: Path, later: Path, url: str) -> None:
    first = json.loads(auricle("models", "add", states_file, "--json", "--store", url).out)
    second = json.loads(auricle("models", "add", later, "--json", "--store", url).out)
    expected = ("--expected", first["model"], "--store", url)
    assert auricle("models", "promote", second["model"], *expected).code == 0
    ran = auricle("models", "promote", second["model"], *expected)
    assert ran.code == 2
    assert f"must still be {first['digest'][:12]}" in ran.sentence


def test_bad_input_is_one_sentence(auricle: Run, states_file: Path, tmp_path: Path, url: str) -> None:
    (tmp_path / "text.auricle").write_text("no bundle")
    ran = auricle("models", "add", tmp_path / "text.auricle", "--store", url)
    assert "text.auricle: the file must be a bundle" in ran.sentence
    assert not (tmp_path / "engine.db").exists()
    assert auricle("models", "add", states_file, "--store", url).code == 0
    for words, sentence in {
        ("show", "pump"): "There is no model 'pump'",
        ("promote", "states@000000000000"): "There is no model 'states@000000000000'",
        ("rollback", "states"): "'states' must have had another champion to go back to",
    }.items():
        ran = auricle("models", *words, "--store", url)
        assert ran.code == 2
        assert sentence in ran.sentence


def test_a_bundle_that_fails_its_self_test_is_not_added(
    auricle: Run, states_file: Path, tmp_path: Path, url: str
) -> None:
    bundle = Bundle.load(states_file)
    path = tmp_path / "wrong.auricle"
    replace(bundle, golden=replace(bundle.golden, answers=bundle.golden.answers[:, ::-1].copy())).save(path)
    ran = auricle("models", "add", path, "--store", url)
    assert ran.code == 2
    assert "every golden window's output must be" in ran.sentence
    assert not (tmp_path / "engine.db").exists()


def test_retrainings_are_shown(auricle: Run, states_file: Path, url: str) -> None:
    assert auricle("models", "add", states_file, "--store", url).code == 0
    with Store.open(url) as store:
        identity = store.decisions.begin("states", {})
        store.decisions.finish(identity, "kept", {"sentence": "The champion stays.", "p": 0.3})
    assert "retraining, kept: The champion stays." in auricle("models", "show", "states", "--store", url).out
    (decision,) = json.loads(auricle("models", "show", "states", "--json", "--store", url).out)["decisions"]
    assert (decision["outcome"], decision["p"]) == ("kept", 0.3)
