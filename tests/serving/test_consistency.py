"""The server predicts the same as every local route, window by window (``auricle doctor --server``)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from auricle.prediction.consistency import compare
from auricle.prediction.predictor import Predictor


def test_server_agrees_with_all_other_routes(
    run_server: Callable[..., Any], states: Predictor, machine_sounds: Path
) -> None:
    clip = machine_sounds.parent / "clips" / "0002.wav"
    found = compare(states, clip, server=run_server().url)
    assert found.agrees, found.as_json()
    assert [route.name for route in found.routes][-1] == "server"
    assert found.routes[-1].n_windows == 3
