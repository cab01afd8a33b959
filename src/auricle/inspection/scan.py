"""Listening to a recording once, in constant memory: what is known of its sound before any feature is chosen."""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from auricle.audio import quality
from auricle.audio.clip import Clip, Samples
from auricle.audio.decode import open_sound
from auricle.audio.resample import Resampler
from auricle.audio.windows import consecutive, cut
from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.feature_table import Failure, Progress, content_hash, partition_failures
from auricle.errors import AuricleError
from auricle.features.cache import FeatureCache, key_of
from auricle.features.extractor import Extractor
from auricle.features.spec import standard_spec
from auricle.inspection import fingerprints
from auricle.inspection.fingerprints import LONGEST_S, RATE_HZ, Digest, Fingerprint, frames_of
from auricle.records import Quality
from auricle.runtime.compute import parallel_map

__all__ = ["Recording", "scan_dataset", "scan_recording"]

PIECE_S = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """What is known of one recording's sound.

    Parameters
    ----------
    fingerprint : what it is recognised by
    quality : how good it is
    row : what it sounds like, on the whole: float32, shape (d,), the same d for all recordings of a set
    duration_s : its length
    rate_hz, channels : of the file
    """

    fingerprint: Fingerprint
    quality: Quality
    row: NDArray[np.float32]
    duration_s: float
    rate_hz: int
    channels: int


def scan_dataset(
    dataset: Dataset,
    *,
    workers: int | None = None,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.intp], tuple[Recording, ...], tuple[Failure, ...]]:
    """Listen to every recording of a data set, on all cores.

    Parameters
    ----------
    dataset : labelled recordings
    workers : threads; None for every core
    cache : where what was heard is kept, by the content of each file
    progress : told of every recording

    Returns
    -------
    places of the recordings that could be read, what is known of each, and what could not be read
    """

    def one(example: Example) -> Recording | Failure:
        try:
            return scan_recording(example) if cache is None else _kept(example, cache)
        except AuricleError as error:
            return Failure(example.file, error)

    def told(done: int, _: Recording | Failure) -> None:
        if progress:
            progress("listening", done, len(dataset.examples))

    kept, recordings, failures = partition_failures(parallel_map(one, dataset.examples, workers=workers), told)
    return np.array(kept, np.intp), tuple(recordings), failures


def scan_recording(example: Example) -> Recording:
    """Decode a recording, or the part of it that is an example, once and in pieces of ten seconds.

    The row is the standard one at 8 kHz, the mean over the first ten minutes.

    Raises
    ------
    AudioError : sound that cannot be read
    """
    with open_sound(example.file) as sound:
        rate_hz = sound.rate_hz
        digest, resampler = Digest(rate_hz), Resampler(rate_hz, RATE_HZ)
        qualities: list[Quality] = []
        lengths_s: list[float] = []
        slow: list[Samples] = []
        blocks = sound.blocks(start_s=example.start_s, end_s=example.end_s)
        for window in consecutive(blocks, round(PIECE_S * rate_hz), rate_hz):
            piece = window.samples
            digest.push(piece)
            qualities.append(quality.measure(piece, rate_hz))
            if sum(lengths_s) < LONGEST_S:
                slow.append(resampler.push(piece))
            lengths_s.append(piece.size / rate_hz)
        slow.append(resampler.flush())
        samples = np.concatenate(slow)
        return Recording(
            Fingerprint(digest.value, frames_of(samples)),
            quality.combine(qualities, lengths_s),
            _row(samples),
            duration_s=sum(lengths_s),
            rate_hz=rate_hz,
            channels=sound.channels,
        )


def _kept(example: Example, cache: FeatureCache) -> Recording:
    """Return what was heard before of a file of this content, or listen and keep it."""
    part = f"{example.start_s}:{example.end_s}:{PIECE_S}:{quality.VERSION}:{fingerprints.VERSION}"
    key = key_of(content_hash(example.file).tobytes(), part, "listening", standard_spec(RATE_HZ).fingerprint())
    arrays = cache.get(key)
    if arrays is not None:
        length_s, rate_hz, channels = arrays["sizes"].tolist()
        return Recording(
            Fingerprint(arrays["digest"].tobytes(), arrays["frames"]),
            Quality(*arrays["quality"].tolist()),
            arrays["row"],
            duration_s=length_s,
            rate_hz=int(rate_hz),
            channels=int(channels),
        )
    heard = scan_recording(example)
    arrays = {
        "digest": np.frombuffer(heard.fingerprint.digest, np.uint8),
        "frames": heard.fingerprint.frames,
        "quality": np.array(astuple(heard.quality)),
        "row": heard.row,
        "sizes": np.array([heard.duration_s, heard.rate_hz, heard.channels]),
    }
    cache.put(key, arrays)
    return heard


def _row(samples: Samples) -> NDArray[np.float32]:
    extractor = Extractor(standard_spec(RATE_HZ))
    missing = extractor.spec.n_fft - samples.size
    if missing > 0:
        samples = np.pad(samples, (0, missing))
    size = round(PIECE_S * RATE_HZ)
    rows = np.stack([extractor.row(window.samples) for window in cut(Clip(samples, RATE_HZ), size, size)])
    mean: NDArray[np.float32] = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean
