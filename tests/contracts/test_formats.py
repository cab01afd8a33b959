"""Every format of predictions tells every prediction, and every format of raw samples gives the same sound."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auricle.audio.decode import read
from auricle.errors import AudioError
from auricle.prediction.formats import FORMATS, lines
from auricle.prediction.live.pcm import SAMPLE_FORMATS, blocks
from auricle.prediction.predictor import Predictor


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("fixture", ["states", "speeds"])
def test_a_format_tells_every_prediction_and_every_failure(
    format_name: str, fixture: str, machine_sounds: Path, request: pytest.FixtureRequest
) -> None:
    model: Predictor = request.getfixturevalue(fixture)
    clips = machine_sounds.parent / "clips"
    files = [clips / "0001.wav", clips / "no.wav", clips / "0002.wav"]
    rows = [row for file in files for row in told(model, file)]
    written = list(lines(rows, format_name=format_name, classes=model.classes))
    assert all(line.endswith("\n") for line in written)
    text = "".join(written)
    text.encode()
    for row in rows:
        if FORMATS[format_name].is_of_one_recording:
            if "error" not in row:
                assert str(row["label"] if model.classes else f"{row['value']:g}") in text
            continue
        assert str(row["file"]) in text
        if "error" in row:
            assert row["error"]["kind"] in text
            assert "there is no such file" in text
        else:
            assert str(row["label"] if model.classes else row["value"]) in text
            assert row["model"] in text


def told(model: Predictor, file: Path) -> list[dict[str, Any]]:
    """The rows of a file: its recording and its windows, or its error."""
    try:
        recording, windows = model.answers(file)
    except AudioError as error:
        return [{"file": str(file), "error": error.as_json()}]
    return [{"file": str(file), **one.as_json()} for one in (recording, *windows)]


@pytest.mark.parametrize("sample_format", SAMPLE_FORMATS)
def test_raw_samples_are_the_files_samples(sample_format: str, machine_sounds: Path) -> None:
    expected = read(machine_sounds.parent / "clips" / "0001.wav").samples  # 16 bits, which all formats can hold
    dtype, scale = SAMPLE_FORMATS[sample_format]
    raw = (expected.astype(np.float64) / scale).astype(dtype).tobytes()
    np.testing.assert_array_equal(np.concatenate(list(blocks(io.BytesIO(raw), sample_format))), expected)
