"""The inspection of small data sets, good and bad."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.audio.clip import Clip
from auricle.datasets.dataset import Dataset
from auricle.errors import DataError
from auricle.inspection.inspect import MEASURES, inspect
from auricle.inspection.report import build_report


def test_json_holds_all_measures(sounds: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    inspection = inspect(Dataset.load(sounds), progress=lambda *step: steps.append(step))
    summary = json.loads(json.dumps(inspection.as_json(), allow_nan=False))
    assert (summary["task"], summary["n_recordings"], summary["n_failed"]) == ("classify", 24, 0)
    assert summary["rates_hz"] == {"16000": 24}
    assert summary["channels"] == {"1": 24}
    assert summary["classes"]["a"] == {"recordings": 12, "groups": 12, "seconds": 12.0}
    assert summary["groups"] == {"column": None, "n": 24, "smallest": 1, "largest": 1}
    assert set(MEASURES) <= set(summary)
    assert list(summary["duration_s"].values()) == [1.0] * 5
    assert [finding["kind"] for finding in summary["findings"]] == ["duplicates across a split"]
    (pair,) = summary["duplicates"]
    assert (Path(pair["first"]).name, Path(pair["second"]).name) == ("00.wav", "22.wav")
    assert pair["gain_db"] == pytest.approx(-6, abs=1)
    assert summary["recordings"][0]["label"] == "a"
    assert steps[-1] == ("scan", 24, 24)


def test_unreadable_recordings_are_left_out_and_listed(sounds: Path) -> None:
    (sounds / "a" / "00.wav").write_bytes(b"not sound")
    inspection = inspect(Dataset.load(sounds))
    assert len(inspection.recordings) == len(inspection.dataset) == 23
    assert inspection.findings[0].kind == "unreadable"
    assert inspection.findings[0].severity == "serious"
    (failed,) = inspection.as_json()["failed"]
    assert failed["file"].endswith("00.wav")
    assert failed["error"]["kind"] == "audio"


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        (tmp_path / label / "x.wav").write_bytes(b"not sound")
    with pytest.raises(DataError, match="None of 2 is; the first: "):
        inspect(Dataset.load(tmp_path))


def test_page_of_a_regression_dataset_by_group(tmp_path: Path, chatter: Callable[..., Clip]) -> None:
    lines = ["file_name,target,machine"]
    for i in range(12):
        soundfile.write(tmp_path / f"{i}.wav", chatter(i, 0.5).samples, 16_000)
        lines.append(f"{i}.wav,{10 * (i % 4)},m{i % 3}")
    (tmp_path / "metadata.csv").write_text("\n".join(lines))
    inspection = inspect(Dataset.load(tmp_path, group="machine"))
    summary = inspection.as_json()
    assert summary["target"]["max"] == 30
    assert summary["groups"] == {"column": "machine", "n": 3, "smallest": 4, "largest": 4}
    assert "0 to 30" in build_report(inspection).html()


@pytest.mark.parametrize("kind", ["silence", "mixture"])
def test_datasets_that_training_refuses_are_inspected(tmp_path: Path, kind: str, rng: np.random.Generator) -> None:
    lengths = [400, 8000, 16_000, 90 * 8000]
    for i, n in enumerate(lengths):
        for label in "ab":
            (tmp_path / label).mkdir(exist_ok=True)
            samples = np.zeros(8000) if kind == "silence" else 0.1 * rng.standard_normal(n)
            soundfile.write(tmp_path / label / f"{i}.wav", samples, 8000 if i % 2 else 44_100)
    inspection = inspect(Dataset.load(tmp_path))
    found = {finding.kind for finding in inspection.findings}
    assert found >= ({"silence"} if kind == "silence" else {"sample rates", "lengths", "short"})
    assert "</html>" in build_report(inspection).html()
    json.dumps(inspection.as_json(), allow_nan=False)
