from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.audio.clip import Samples
from auricle.audio.decoding.encoded import open_decoder
from auricle.audio.sources import open_source

Encode = Callable[..., bytes]
Noise = Callable[..., Samples]


def test_facts_of_the_header(kind: str, encoded: Encode, noise: Noise) -> None:
    with open_source(encoded(noise(5003, 2), 16_000, kind)) as file:
        decoder = open_decoder(file, "x")[0]
        assert (decoder.rate_hz, decoder.channels, decoder.n_frames) == (16_000, 2, 5003)
        assert decoder.has_exact_length == (kind != "mp3")
        decoder.close()


def test_what_follows_a_skip_has_the_same_bits(kind: str, encoded: Encode, noise: Noise) -> None:
    content = encoded(noise(5003, 2), 16_000, kind)
    with open_source(content) as file:
        whole = open_decoder(file, "x")[0].read(10_000)
    beyond = (9000,) if kind == "mp3" else ()  # a header that can be believed is not asked for more than it claims
    for skipped in (0, 1, 4999, 5003, *beyond):
        with open_source(content) as file:
            decoder = open_decoder(file, "x")[0]
            assert decoder.skip(skipped, block=1000) == min(skipped, 5003)
            assert np.array_equal(decoder.read(10_000), whole[skipped:]), skipped


@pytest.mark.parametrize("container", ["wav", "aiff", "flac"])
def test_16_bits_convert_as_in_libsndfile(container: str, tmp_path: Path) -> None:
    every = np.arange(-32_768, 32_768, dtype=np.int16)
    path = tmp_path / f"x.{container}"
    soundfile.write(path, np.stack([every, every[::-1]], axis=1), 16_000, "PCM_16")
    expected, _ = soundfile.read(path, dtype="float32")
    with open_source(path) as file:
        found = open_decoder(file, "x")[0].read(every.size)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
