import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from auricle.audio.clip import Samples
from auricle.audio.decoding.frames import skip_by_reading


@given(st.integers(0, 50), st.integers(0, 60), st.integers(1, 20), st.integers(1, 20))
def test_a_skip_drops_as_many_frames_as_there_are_and_no_more(n: int, count: int, block: int, most: int) -> None:
    left, asked = np.arange(n, dtype=np.float32)[:, np.newaxis], []

    def read(wanted: int) -> Samples:  # decoders may return fewer frames than asked for
        nonlocal left
        asked.append(wanted)
        frames, left = left[: min(wanted, most)], left[min(wanted, most) :]
        return frames

    assert skip_by_reading(read, count, block=block) == min(n, count)
    assert left[:, 0].tolist() == list(range(min(n, count), n))
    assert all(wanted <= block for wanted in asked)
