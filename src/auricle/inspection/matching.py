"""Compiled inner loops of the duplicate search: collisions of fingerprint words, agreement of spectra and waveforms."""

import numpy as np
from numpy.typing import NDArray

from auricle.kernels.compiled import inline, kernel

__all__ = ["BUCKETS", "MIN_KNOWN", "collide", "compare", "waves"]

Words = NDArray[np.uint32]
Places = NDArray[np.int64]

BUCKET_SHIFT = 8
BUCKETS = 1 << 16
"""Buckets of the index: the upper 16 bits of words of 24."""

MIN_KNOWN = 8
"""A frame with fewer audible signs is neither indexed nor counted as sounding."""

DRIFT = 0.4
"""Least agreement for a stretch to grow; two takes of one word exceed it only briefly."""

LONG_SIGNS, STRIDE, PROMISING = 6000, 4, 50.0
"""From two seconds on, every fourth frame is compared first, and the others if a stretch of these scores enough: a
second of sound with agreement 0.5 scores 75; cries that happen to be in tune, below 50."""

SLACK = 96
"""Largest shift of waveforms in samples: one and a half frames."""


@kernel
def collide(
    words: Words, weak: Words, owner: Places, frame: Places, keys: Words, holders: Places, starts: Places,
    mask: int, hits: NDArray[np.uint64],
) -> int:  # fmt: skip
    """Look up every word among the keys, with all combinations of its weak bits flipped.

    Parameters
    ----------
    words, weak, owner, frame : shape (n,)
        Words, weak bits, recording, and index of the frame in it.
    keys, holders : shape (m,)
        The index: words in ascending order, and their indices in ``words``.
    starts : int64, shape (BUCKETS + 1,)
        Start of each bucket in ``keys``.
    mask : int
        Words with one of these bits in their hash are not in the index.
    hits : uint64, filled
        One number per collision of two recordings: 20 bits for each recording, the lower first, and 24 for the offset
        of their frames.

    Returns
    -------
    int
        Number of collisions, which may exceed the size of ``hits``.
    """
    found = 0
    for place in range(len(words)):
        bits = np.int64(weak[place])
        flipped = bits  # runs through every subset of the weak bits, the empty one last
        while True:
            word = np.int64(words[place]) ^ flipped
            if (((word + 1) * 2654435761) >> 16) & mask == 0:
                bucket = word >> BUCKET_SHIFT
                low, high = starts[bucket], starts[bucket + 1]
                end = high
                while low < high:
                    middle = (low + high) >> 1
                    if np.int64(keys[middle]) < word:
                        low = middle + 1
                    else:
                        high = middle
                while low < end and np.int64(keys[low]) == word:
                    other = holders[low]
                    low += 1
                    first, second = owner[place], owner[other]
                    if first == second:
                        continue
                    offset = frame[other] - frame[place]
                    if first > second:
                        first, second, offset = second, first, -offset
                    if found < len(hits):
                        hits[found] = np.uint64((first << 44) | (second << 24) | (offset + (1 << 23)))
                    found += 1
            if flipped == 0:
                break
            flipped = (flipped - 1) & bits
    return found


@kernel
def compare(
    words: Words, known: Words, starts: Places, signs: Places, pairs: Places, results: NDArray[np.float64]
) -> None:
    """Compare pairs of recordings where they overlap.

    Parameters
    ----------
    words, known : uint32, shape (n_frames,)
        Concatenated frames of all recordings.
    starts : int64, shape (n_recordings + 1,)
        Start of each recording.
    signs : int64, shape (n_recordings,)
        Number of known signs.
    pairs : int64, shape (n, 3)
        Two recordings and the offset: frame i of the first is at frame i + offset of the second. The offset is replaced
        by the best of it and its two neighbours.
    results : float64, shape (n, 8), filled
        Signs known in both, agreement in [-1, 1], first frame and number of frames from the first to the last that
        sound in both (in the first recording); then the same four of the stretch that agrees best.
    """
    row = np.zeros(8)
    for i in range(len(pairs)):
        begin_a, end_a = starts[pairs[i, 0]], starts[pairs[i, 0] + 1]
        begin_b, end_b = starts[pairs[i, 1]], starts[pairs[i, 1] + 1]
        is_long = min(signs[pairs[i, 0]], signs[pairs[i, 1]]) > LONG_SIGNS
        middle, best = pairs[i, 2], -1.0
        for offset in range(middle - 1, middle + 2):
            first = max(0, -offset)
            n = min(end_a - begin_a, end_b - begin_b - offset) - first
            if n < 1:
                continue
            if offset == middle - 1 and is_long:
                preview = _overlap(words, known, begin_a + first, begin_b + first + middle, n - 1, STRIDE, row)
                if preview < PROMISING:
                    break
            score = _overlap(words, known, begin_a + first, begin_b + first + offset, n, 1, row)
            if score > best:
                best = score
                pairs[i, 2] = offset
                row[2] += first
                row[6] += first
                results[i] = row


@inline
def _overlap(words: Words, known: Words, a: int, b: int, n: int, stride: int, row: NDArray[np.float64]) -> float:
    """Fill one row of `compare` from every ``stride``-th of n frames; return the score of the best stretch."""
    row[:] = 0.0
    total, wrong, sounding, silent = 0, 0, n, 0
    best, run, run_total, run_wrong, run_first = 0.0, 0.0, 0, 0, 0
    for i in range(0, n, stride):
        both = known[a + i] & known[b + i]
        here = _ones(np.uint64(both))
        apart = _ones(np.uint64((words[a + i] ^ words[b + i]) & both))
        total += here
        wrong += apart
        if here >= MIN_KNOWN:
            sounding = min(sounding, i)
            silent = i + 1
        run += (1 - DRIFT) * here - 2 * apart
        run_total += here
        run_wrong += apart
        if run <= 0:
            run, run_total, run_wrong, run_first = 0.0, 0, 0, i + 1
        elif run > best:
            best = run
            row[4], row[5] = run_total, 1 - 2 * run_wrong / run_total
            row[6], row[7] = run_first, i + 1 - run_first
    if total:
        row[0], row[1] = total, 1 - 2 * wrong / total
        row[2], row[3] = sounding, max(0, silent - sounding)
    return best


@inline
def _ones(bits: np.uint64) -> int:
    """Count the bits that are set."""
    bits -= (bits >> np.uint64(1)) & np.uint64(0x5555555555555555)
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))


@kernel
def waves(wave: NDArray[np.uint64], known: Words, first: int, second: int, n: int, limit: int) -> tuple[float, int]:
    """Return how alike two stretches of waveform are at the best shift, in [-1, 1], and that shift in samples.

    Negative likeness is one of the two flipped upside down.

    Parameters
    ----------
    wave, known : shape (n_frames,)
        Concatenated frames of all recordings.
    first, second : int
        Start of each stretch.
    n : int
        Frames per stretch.
    limit : int
        End of the recording of the second stretch.
    """
    best, best_shift = 0.0, 0
    for shift in range(-SLACK, SLACK + 1):
        step = shift >> 6
        bits = np.uint64(shift & 63)
        wrong, total = 0, 0
        for i in range(n):
            at = second + i + step
            if at < second or at + 1 >= limit:
                continue
            if _ones(np.uint64(known[first + i] & known[second + i])) < MIN_KNOWN:
                continue
            moved = wave[at] >> bits
            if bits:
                moved |= wave[at + 1] << (np.uint64(64) - bits)
            wrong += _ones(wave[first + i] ^ moved)
            total += 64
        if total:
            likeness = 1 - 2 * wrong / total
            if abs(likeness) > abs(best):
                best, best_shift = likeness, shift
    return best, best_shift
