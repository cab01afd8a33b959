"""Choose the sample rate that a model hears at, by the content of the recordings, and say what it discards."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from auricle.audio.decode import open_sound
from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.feature_table import Failure
from auricle.datasets.headers import Headers
from auricle.errors import AudioError, AuricleError, DataError
from auricle.inspection.findings import file_name
from auricle.runtime.compute import parallel_map

__all__ = ["MAX_RATE_HZ", "SampleRate", "choose_rate", "leave_out_odd"]

MAX_RATE_HZ: Final = 22_050
"""Usual rate of recordings that have more: higher bands rarely tell classes apart, and cost time."""

ODD_RATIO: Final = 2.0
ODD_SHARE: Final = 0.1
"""At most this share of recordings, at less than half the rate of the others, does not set the rate of the model."""

ULTRASONIC_HZ: Final = 96_000
"""From this rate on, a recording was made for more than hearing; brief calls count then, whatever their energy."""

MAX_LOOKED_AT: Final = 48
LOOKED_AT_S: Final = 5.0
FRAME_S: Final = 0.01
HELD: Final = 0.99
"""Share of the content that the chosen rate holds."""
MIN_ACTIVE: Final = 0.0005
"""Least share of cells of a spectrogram that rise 13 dB above the usual level of their band."""
ACTIVE_RATIO: Final = 20.0

RATES_HZ: Final = (32_000, 44_100, 48_000, 64_000, 96_000, 128_000, 192_000, 256_000, 384_000, 512_000, 1_000_000)
"""Rates to choose among for content above the usual band."""


@dataclass(frozen=True, slots=True)
class SampleRate:
    """The sample rate of a model.

    Parameters
    ----------
    rate_hz : int
    reason : str
        Why, in one sentence.
    discarded_db : float or None
        Energy above half the rate relative to the whole, in the median recording that has more; None where nothing is
        discarded, or nothing was heard.
    odd : tuple of int
        Indices of recordings whose rate is far below that of the others.
    """

    rate_hz: int
    reason: str
    discarded_db: float | None = None
    odd: tuple[int, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return rate, reason and what is discarded, as ``train --json`` prints them."""
        discarded = None if self.discarded_db is None else round(self.discarded_db, 2)
        return {"rate_hz": self.rate_hz, "reason": self.reason, "discarded_db": discarded}


def choose_rate(
    dataset: Dataset, headers: Headers, *, rate_hz: int | None = None, workers: int | None = None
) -> SampleRate:
    """Choose the sample rate of a model.

    It is the lowest rate among the recordings, since a band that some lack would give their recorder away, and at most
    22,050 Hz unless most of the content of some class lies above. A few recordings at less than half the rate of the
    others do not set it: they are named as odd, and left to the user.

    Parameters
    ----------
    dataset : Dataset
    headers : Headers
        Of its recordings.
    rate_hz : int, optional
        The user's choice.
    workers : int, optional
        Threads; None for every core.
    """
    if not headers.rate_hz.size:
        return SampleRate(rate_hz or MAX_RATE_HZ, "no recording could be opened")
    rates, examples = headers.rate_hz, [dataset.examples[index] for index in headers.examples]
    odd = np.zeros(rates.size, np.bool_) if rate_hz is not None else _odd(rates, [e.label for e in examples])
    lowest_hz = int(rates[~odd].min())
    usual_hz = rate_hz or min(lowest_hz, MAX_RATE_HZ)
    heard = [
        spectrum
        for spectrum in parallel_map(
            partial(_listen, above_hz=usual_hz / 2), _some(examples, rates > usual_hz), workers=workers
        )
        if spectrum is not None
    ]
    chosen_hz = usual_hz if rate_hz is not None else _holding(heard, usual_hz, lowest_hz)
    discarded_db = _discarded_db(heard, chosen_hz)
    reason = _reason(rates[~odd], chosen_hz, usual_hz, discarded_db, is_users=rate_hz is not None)
    return SampleRate(chosen_hz, reason, discarded_db, tuple(headers.examples[odd].tolist()))


def leave_out_odd(
    dataset: Dataset, headers: Headers, rate: SampleRate, *, skip_bad: bool
) -> tuple[Dataset, tuple[Failure, ...]]:
    """Return the dataset without recordings of an odd rate, and these as failures.

    Raises
    ------
    DataError
        There are some, and ``skip_bad`` is false.
    """
    if not rate.odd:
        return dataset, ()
    rate_of = dict(zip(headers.examples.tolist(), headers.rate_hz.tolist(), strict=True))
    named = [(dataset.examples[index].file, rate_of[index]) for index in rate.odd]
    if not skip_bad:
        shown = ", ".join(f"{file_name(dataset, file)} ({hz} Hz)" for file, hz in named[:5])
        more = f" and {len(named) - 5} more" if len(named) > 5 else ""
        raise DataError(
            f"{dataset.source}: the sample rates of recordings should be alike, and {len(named)} of {len(dataset)} "
            f"have less than half that of the others: {shown}{more}. At that rate the model would hear nothing above "
            f"{min(hz for _, hz in named) / 2:g} Hz of any. Leave them out (`train --skip-bad` does), or name the "
            "rate of the model (`--rate-hz`)."
        )
    failures = tuple(
        Failure(file, AudioError(f"{file}: its sample rate, {hz} Hz, is less than half that of the other recordings."))
        for file, hz in named
    )
    return dataset.subset(np.setdiff1d(np.arange(len(dataset)), rate.odd)), failures


def _odd(rates: NDArray[np.int64], labels: Sequence[str | None]) -> NDArray[np.bool_]:
    """Return which recordings have a rate that is far below that of the others, and too few to set it."""
    for common_hz in np.unique(np.minimum(rates, MAX_RATE_HZ))[::-1]:
        below = rates * ODD_RATIO < common_hz
        kept = {label for label, is_below in zip(labels, below, strict=True) if not is_below}
        if 0 < below.mean() <= ODD_SHARE and kept == set(labels):
            return np.asarray(below)
    return np.zeros(rates.size, np.bool_)


def _some(examples: Sequence[Example], is_higher: NDArray[np.bool_]) -> list[Example]:
    """Return up to ``MAX_LOOKED_AT`` recordings of a higher rate, the same number of each class where they suffice."""
    by_class: dict[str | None, list[Example]] = {}
    for index in np.flatnonzero(is_higher).tolist():
        by_class.setdefault(examples[index].label, []).append(examples[index])
    each = max(1, MAX_LOOKED_AT // max(1, len(by_class)))
    chosen = [
        members[index]
        for members in by_class.values()
        for index in np.unique(np.linspace(0, len(members) - 1, min(each, len(members))).round().astype(int))
    ]
    return chosen[:: math.ceil(len(chosen) / MAX_LOOKED_AT)] if len(chosen) > MAX_LOOKED_AT else chosen


@dataclass(frozen=True, slots=True, eq=False)
class _Spectrum:
    """Where in frequency a recording has energy, and where it has events."""

    label: str | None
    frequencies_hz: NDArray[np.float64]
    energy: NDArray[np.float64]
    content: NDArray[np.float64]
    """Energy, or from ``ULTRASONIC_HZ`` on the number of cells that rise above the usual level of their band."""


def _listen(example: Example, *, above_hz: float) -> _Spectrum | None:
    """Return the spectrum of the beginning of a recording; None where it cannot be read or is silent."""
    try:
        with open_sound(example.file) as sound:
            rate_hz = sound.rate_hz
            samples = np.concatenate(
                list(
                    _first(sound.blocks(start_s=example.start_s, end_s=example.end_s, channel=example.channel), rate_hz)
                )
            )
    except AuricleError:
        return None
    n = min(samples.size, max(64, 1 << round(math.log2(FRAME_S * rate_hz))))
    frames = np.lib.stride_tricks.sliding_window_view(samples, n)[:: max(1, n // 2)]
    power = np.abs(np.fft.rfft(frames * np.hanning(n), axis=1)) ** 2
    frequencies_hz = np.asarray(np.fft.rfftfreq(n, 1 / rate_hz), np.float64)
    audible = frequencies_hz >= min(100.0, above_hz / 2)  # without the offset and rumble
    energy: NDArray[np.float64] = np.where(audible, power.sum(axis=0), 0.0)
    if not energy.sum() > 0:
        return None
    content = energy
    if rate_hz >= ULTRASONIC_HZ:
        active = (power > ACTIVE_RATIO * np.median(power, axis=0)) & audible & (power > 0)
        if active.mean() >= MIN_ACTIVE:
            content = active.sum(axis=0).astype(np.float64)
    return _Spectrum(example.label, frequencies_hz, energy, content)


def _first(blocks: Iterator[NDArray[np.float32]], rate_hz: int) -> Iterator[NDArray[np.float32]]:
    left = math.ceil(LOOKED_AT_S * rate_hz)
    for block in blocks:
        yield block[:left]
        left -= block.size
        if left <= 0:
            return


def _holding(heard: Sequence[_Spectrum], usual_hz: int, lowest_hz: int) -> int:
    """Return the usual rate, or one that holds the content of a class most of which lies above its band."""
    of_class: dict[str | None, list[_Spectrum]] = {}
    for one in heard:
        of_class.setdefault(one.label, []).append(one)
    high = [
        one
        for members in of_class.values()
        if np.median([_share_above(one.content, one, usual_hz / 2) for one in members]) > 0.5
        for one in members
    ]
    if not high:
        return usual_hz
    needed_hz = 2 * float(np.median([_edge_hz(one) for one in high]))
    return min(lowest_hz, next((rate for rate in RATES_HZ if rate >= needed_hz), lowest_hz))


def _share_above(values: NDArray[np.float64], one: _Spectrum, hz: float) -> float:
    return float(values[one.frequencies_hz > hz].sum() / values.sum())


def _edge_hz(one: _Spectrum) -> float:
    return float(one.frequencies_hz[np.searchsorted(np.cumsum(one.content), HELD * one.content.sum())])


def _discarded_db(heard: Sequence[_Spectrum], rate_hz: int) -> float | None:
    shares = [
        _share_above(one.energy, one, rate_hz / 2) for one in heard if one.frequencies_hz[-1] > rate_hz / 2 * 1.001
    ]
    return 10 * math.log10(max(float(np.median(shares)), 1e-12)) if shares else None


def _reason(
    rates: NDArray[np.int64], chosen_hz: int, usual_hz: int, discarded_db: float | None, *, is_users: bool
) -> str:
    lowest_hz, highest_hz = int(rates.min()), int(rates.max())
    have = f"the recordings have {lowest_hz}" + (f" to {highest_hz} Hz" if highest_hz > lowest_hz else " Hz")
    if is_users:
        why = f"as was asked for; {have}"
        below = int((rates < chosen_hz).sum())
        if below:
            why += f", and {below} of {rates.size} with less hold nothing above half their own"
    elif chosen_hz > usual_hz:
        why = f"most of the content of a class lies above {usual_hz / 2:g} Hz, and {have}"
    elif chosen_hz == lowest_hz == highest_hz:
        why = "the rate of the recordings"
    elif chosen_hz == lowest_hz:
        why = f"the lowest of the recordings; {have}, and a band that some lack would give their recorder away"
    else:
        why = f"enough for what lies below {chosen_hz / 2:g} Hz; {have}"
    if discarded_db is None:
        return f"{why}."
    below_db = max(0.0, -discarded_db)
    return f"{why}. The energy above {chosen_hz / 2:g} Hz, which is discarded, is {below_db:.0f} dB below the whole."
