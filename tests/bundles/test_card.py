import numpy as np
import pytest

from auricle.bundles.card import card


def test_a_classifiers_card_names_classes_input_model_and_scores(trained_on_states) -> None:
    manifest = trained_on_states.bundle.manifest
    text = card(manifest, n_recordings=24)
    assert text.startswith("---\n")
    assert "\n---\n\n# states\n" in text
    assert manifest.verdict in text
    assert "one of 4 classes: cavitation, healthy, imbalance, worn_bearing" in text
    assert "windows of 0.2 s at 8000 Hz, one channel" in text
    assert "linear, trained on 24 recordings" in text
    assert manifest.protocol in text
    assert f"| accuracy | {manifest.scores['accuracy']:.3f} |" in text
    low, high = manifest.scores["ci95"]
    assert f"| ci95 | {low:.3f} to {high:.3f} |" in text
    assert f"numpy {np.__version__}" in text
    assert manifest.created not in text


def test_a_regressors_card_gives_the_numbers_mean_and_deviation(trained_on_speeds) -> None:
    manifest = trained_on_speeds.bundle.manifest
    text = card(manifest, n_recordings=24)
    assert f"a number (in training: mean {manifest.target.mean:.4g}, deviation {manifest.target.deviation:.4g})" in text
    assert "| r2 |" in text
    assert "| mae |" in text


def test_a_model_of_whole_recordings_says_so(trained_on_states) -> None:
    manifest = trained_on_states.bundle.manifest
    whole = manifest.model_copy(update={"spec": manifest.spec.model_copy(update={"window_s": None})})
    assert "- **Input:** the whole recording at 8000 Hz" in card(whole, n_recordings=1)


@pytest.mark.parametrize("fixture", ["trained_on_states", "trained_on_speeds"])
def test_a_card_is_plain_markdown(fixture: str, request: pytest.FixtureRequest) -> None:
    text = card(request.getfixturevalue(fixture).bundle.manifest, n_recordings=24)
    assert text.endswith(".\n")
    assert "None" not in text
    assert "null" not in text
    assert "\n\n\n" not in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {3}
