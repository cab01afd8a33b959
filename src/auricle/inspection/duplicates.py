"""Find duplicates among fingerprints: same samples, near duplicates, and shared stretches of sound."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from auricle.inspection.fingerprints import BITS, FRAME, FRAMES_PER_SECOND, RATE_HZ, Fingerprint
from auricle.inspection.matching import BUCKETS, MIN_KNOWN, collide, compare, waves

__all__ = ["Duplicate", "Relation", "find_duplicates"]

Relation: TypeAlias = Literal["same samples", "near duplicate", "shared stretch"]

LIKENESS, SHORTNESS = 0.57, 0.6
"""Threshold of likeness, the mean agreement of spectra and waveforms: LIKENESS + SHORTNESS / √frames (0.69 for a
quarter of a second). Coded copies of words are above it, other takes below: tests/inspection/test_duplicates.py."""

MIN_AGREEMENT = 0.4  # of spectra alone, before waveforms are compared
MIN_SIGNS = 200  # known in both: about 70 ms of sound
MIN_COVERAGE = 0.5  # of the shorter recording's sounding frames
MIN_STRETCH = FRAMES_PER_SECOND  # one second
MIN_STRETCH_SIGNS = 1000
MIN_VOTES = 2
MIN_INDEXED = 10  # known signs of an indexed frame: fewer give words that all recordings have
MAX_INDEXED = 2_000_000  # frames; of more sound, the same part of all words is indexed everywhere
MAX_SAME = 4096  # frames with the same word: more are uninformative
MAX_HITS = 8_000_000

Indices: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Two recordings that hold the same sound.

    Parameters
    ----------
    first, second : int
        Indices of the recordings, ascending.
    relation : str
        ``same samples``; ``near duplicate``: the same sound over at least half of the shorter one; ``shared stretch``:
        over at least a second.
    first_s, second_s : float
        Start of the common sound in either; 0 for the same samples.
    length_s : float
        Its duration; NaN for the same samples.
    gain_db : float
        Level of the second above the first.
    likeness : float
        Mean agreement of spectra and waveforms, up to 1.
    """

    first: int
    second: int
    relation: Relation
    first_s: float = 0.0
    second_s: float = 0.0
    length_s: float = float("nan")
    gain_db: float = 0.0
    likeness: float = 1.0

    def describe(self) -> str:
        """Return the relation as text: ``near duplicate, offset 0.31 s, gain -6 dB``."""
        if self.relation == "same samples":
            return "same samples"
        gain = f"gain {self.gain_db:+.0f} dB"
        if self.relation == "near duplicate":
            return f"near duplicate, offset {round(self.first_s - self.second_s, 2) + 0.0:.2f} s, {gain}"
        return f"{self.length_s:.1f} s in common, at {self.first_s:.1f} s and {self.second_s:.1f} s, {gain}"

    def as_json(self) -> dict[str, Any]:
        """Return the relation, with rounded measures unless the samples are the same."""
        if self.relation == "same samples":
            return {"relation": self.relation, "likeness": 1.0}
        numbers = {name: round(getattr(self, name), 3) for name in ("first_s", "second_s", "length_s", "gain_db")}
        return {"relation": self.relation, **numbers, "likeness": round(self.likeness, 3)}


def find_duplicates(fingerprints: Sequence[Fingerprint]) -> tuple[Duplicate, ...]:
    """Find recordings with the same samples, near duplicates, and stretches of sound that two recordings share.

    Near duplicates are found despite gain, trimming, resampling and lossy coding. Recordings with the same samples are
    all paired with the first of them, and only that is compared further. Time grows with the duration of the sound, not
    with the number of pairs: frames are looked up in an index, and only pairs with repeated collisions at one offset
    are compared. Beyond about four hours of sound fewer frames are indexed, and short, heavily coded copies may be
    missed.

    Parameters
    ----------
    fingerprints : sequence of Fingerprint
        One per recording, at most a million.

    Returns
    -------
    tuple of Duplicate
        Sorted by indices. Sound shorter than 0.1 s can only have the same samples; silence has no duplicates.
    """
    firsts, exact = _same_samples(fingerprints)
    near = _near([fingerprints[place].frames for place in firsts])
    pairs = [replace(pair, first=firsts[pair.first], second=firsts[pair.second]) for pair in near]
    return tuple(sorted([*exact, *pairs], key=lambda pair: (pair.first, pair.second)))


def _same_samples(fingerprints: Sequence[Fingerprint]) -> tuple[list[int], list[Duplicate]]:
    """Return the first recording of each sound except silence, and its pairs with the others."""
    seen: dict[bytes, int] = {}
    pairs = []
    for index, fingerprint in enumerate(fingerprints):
        if fingerprint.digest and seen.setdefault(fingerprint.digest, index) != index:
            pairs.append(Duplicate(seen[fingerprint.digest], index, "same samples"))
    return list(seen.values()), pairs


@dataclass(frozen=True, slots=True, eq=False)
class _Frames:
    """The concatenated frames of all recordings, by field."""

    word: NDArray[np.uint32]
    known: NDArray[np.uint32]
    weak: NDArray[np.uint32]
    wave: NDArray[np.uint64]
    level_db: NDArray[np.int8]
    starts: Indices

    @classmethod
    def of(cls, recordings: Sequence[NDArray[np.void]]) -> "_Frames":
        together = np.concatenate(recordings)
        fields = {name: np.ascontiguousarray(together[name]) for name in FRAME.names or ()}
        return cls(**fields, starts=np.cumsum([0, *map(len, recordings)]))


def _near(recordings: Sequence[NDArray[np.void]]) -> Iterator[Duplicate]:
    """Yield at most one relation for each pair of recordings."""
    if len(recordings) < 2:
        return
    frames = _Frames.of(recordings)
    pairs = _candidates(_collisions(frames))
    signs = np.add.reduceat(np.append(np.bitwise_count(frames.known), 0), frames.starts[:-1], dtype=np.int64)
    signs[np.diff(frames.starts) == 0] = 0
    rows = np.zeros((len(pairs), 8))
    compare(frames.word, frames.known, frames.starts, signs, pairs, rows)
    shorter = np.minimum(signs[pairs[:, 0]], signs[pairs[:, 1]])
    near = (rows[:, 0] >= np.maximum(MIN_SIGNS, MIN_COVERAGE * shorter)) & (rows[:, 1] >= MIN_AGREEMENT)
    shared = (rows[:, 4] >= MIN_STRETCH_SIGNS) & (rows[:, 7] >= MIN_STRETCH) & (rows[:, 5] >= MIN_AGREEMENT)
    confirmed: set[tuple[int, int]] = set()
    relations: tuple[tuple[Relation, NDArray[np.bool_], int], ...] = (
        ("near duplicate", near, 0),
        ("shared stretch", shared, 4),
    )
    for relation, is_candidate, column in relations:
        indices = np.flatnonzero(is_candidate)
        for i in indices[np.argsort(-rows[indices, column] * rows[indices, column + 1], kind="stable")]:
            pair = (int(pairs[i, 0]), int(pairs[i, 1]))
            if pair in confirmed:
                continue
            duplicate = _confirm(frames, relation, pairs[i], rows[i, column : column + 4])
            if duplicate:
                confirmed.add(pair)
                yield duplicate


def _collisions(frames: _Frames) -> NDArray[np.uint64]:
    """Return the collisions of words, sorted by both recordings and the offset of their frames."""
    n = np.diff(frames.starts)
    owner = np.repeat(np.arange(n.size), n)
    place = np.arange(owner.size) - np.repeat(frames.starts[:-1], n)
    is_new = np.append(True, frames.word[1:] != frames.word[:-1])
    used = is_new & (np.bitwise_count(frames.known) >= MIN_INDEXED)
    word, weak, owner, place = frames.word[used], frames.weak[used], owner[used], place[used]
    common, counts = np.unique(word, return_counts=True)
    is_rare = ~np.isin(word, common[counts > MAX_SAME])
    mask, hits = _mask(word.size / MAX_INDEXED), np.empty(MAX_HITS // 8, np.uint64)
    while True:
        # Recordings that share a sound share its words, and leave out the same ones.
        indexed = np.flatnonzero(((word + np.int64(1)) * 2654435761 >> 16 & mask == 0) & is_rare)
        holders = indexed[np.argsort(word[indexed], kind="stable")]
        keys = word[holders]
        buckets = np.searchsorted(keys, np.arange(BUCKETS + 1) << (BITS - 16)).astype(np.int64)
        found = collide(word, weak, owner, place, keys, holders, buckets, mask, hits)
        if found <= hits.size:
            return np.sort(hits[:found])
        mask = (mask + 1) * (_mask(found / MAX_HITS) + 1) - 1
        hits = np.empty(min(found, MAX_HITS), np.uint64)


def _mask(times: float) -> int:
    """Return the bits of a hash that are 0 for one word in ``times``."""
    return (1 << max(0, math.ceil(math.log2(max(times, 1))))) - 1


def _candidates(hits: NDArray[np.uint64]) -> Indices:
    """Return pairs and offsets with repeated collisions, shape (n, 3)."""
    keys, counts = np.unique(hits, return_counts=True)
    votes = counts.copy()
    adjacent = np.flatnonzero(np.diff(keys) == 1)
    votes[adjacent] += counts[adjacent + 1]
    votes[adjacent + 1] += counts[adjacent]
    is_peak = votes >= MIN_VOTES
    is_peak[adjacent] &= votes[adjacent] >= votes[adjacent + 1]
    is_peak[adjacent + 1] &= votes[adjacent + 1] > votes[adjacent]
    chosen = keys[is_peak].astype(np.int64)
    return np.stack([chosen >> 44, chosen >> 24 & 0xFFFFF, (chosen & 0xFFFFFF) - (1 << 23)], axis=1)


def _confirm(frames: _Frames, relation: Relation, pair: Indices, overlap: NDArray[np.float64]) -> Duplicate | None:
    """Compare the waveforms where the spectra of two recordings agree."""
    first, second, offset = (int(value) for value in pair)
    begin, n = int(overlap[2]), int(overlap[3])
    begin_a, begin_b = int(frames.starts[first]) + begin, int(frames.starts[second]) + begin + offset
    waveform, shift = waves(frames.wave, frames.known, begin_a, begin_b, n, int(frames.starts[second + 1]))
    likeness = (float(overlap[1]) + abs(waveform)) / 2
    if likeness < LIKENESS + SHORTNESS / math.sqrt(max(n, 1)):
        return None
    stretch_a, stretch_b = slice(begin_a, begin_a + n), slice(begin_b, begin_b + n)
    sounding = np.bitwise_count(frames.known[stretch_a] & frames.known[stretch_b]) >= MIN_KNOWN
    louder_db = frames.level_db[stretch_b].astype(float) - frames.level_db[stretch_a]
    return Duplicate(
        first,
        second,
        relation,
        first_s=begin / FRAMES_PER_SECOND,
        second_s=(begin + offset) / FRAMES_PER_SECOND + shift / RATE_HZ,
        length_s=n / FRAMES_PER_SECOND,
        gain_db=float(np.median(louder_db[sounding])),
        likeness=likeness,
    )
