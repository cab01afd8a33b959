"""Every format of predictions tells every prediction, and every format of raw samples gives the same sound."""

import io
from pathlib import Path

import numpy as np
import pytest

from auricle.audio.decode import read
from auricle.prediction.bulk.batch import predict_files
from auricle.prediction.formats import FORMATS, lines
from auricle.prediction.live.pcm import SAMPLE_FORMATS, blocks
from auricle.prediction.predictor import Predictor
from auricle.prediction.request import PredictionRequest


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("fixture", ["states", "speeds"])
def test_a_format_tells_every_prediction_and_every_failure(
    form: str, fixture: str, machine_sounds: Path, request: pytest.FixtureRequest
) -> None:
    model: Predictor = request.getfixturevalue(fixture)
    clips = machine_sounds.parent / "clips"
    files = [clips / "0001.wav", clips / "no.wav", clips / "0002.wav"]
    rows = [row for result in predict_files(model, files, ask=PredictionRequest(windows=True)) for row in result.rows()]
    written = list(lines(rows, form=form, classes=model.classes))
    assert all(line.endswith("\n") for line in written)
    text = "".join(written)
    text.encode()
    for row in rows:
        if FORMATS[form].is_of_one_recording:
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


@pytest.mark.parametrize("sample_format", SAMPLE_FORMATS)
def test_raw_samples_are_the_files_samples(sample_format: str, machine_sounds: Path) -> None:
    expected = read(machine_sounds.parent / "clips" / "0001.wav").samples  # 16 bits, which all formats can hold
    dtype, scale = SAMPLE_FORMATS[sample_format]
    raw = (expected.astype(np.float64) / scale).astype(dtype).tobytes()
    np.testing.assert_array_equal(np.concatenate(list(blocks(io.BytesIO(raw), sample_format))), expected)
