import json
import subprocess
import sys

import pytest

from auricle.export.card import build_card
from auricle.export.export import export


@pytest.fixture(params=["states", "speeds"])
def model(request):
    return request.getfixturevalue(request.param)


def test_the_card_is_plain_json(model):
    card = build_card(model.bundle)
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert card["model"] == model.name
    assert card["input"]["rate_hz"] == model.bundle.manifest.spec.rate_hz
    assert card["unknown_above"].keys() == {"window", "recording"}


def test_every_output_has_a_meaning_type_and_shape(model):
    outputs = build_card(model.bundle)["outputs"]
    assert all(output["meaning"] and output["type"] and output["shape"] is not None for output in outputs.values())
    assert ("probabilities" in outputs) != ("value" in outputs)


def test_the_example_runs_without_auricle(model, tmp_path):
    written = export(model.bundle, tmp_path / "small.onnx")
    card = json.loads(written.card.read_text(encoding="utf-8"))
    assert "auricle" not in card["example"]
    assert len(card["example"].splitlines()) <= 10
    ran = subprocess.run([sys.executable, "-c", card["example"]], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip().endswith(("True", "False"))
