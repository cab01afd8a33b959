"""The one way that sound becomes answers: blocks in, predictions out, for files, clips, pipes and microphones."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.audio import quality
from auricle.audio.clip import Samples
from auricle.audio.resample import Resampler
from auricle.audio.windows import Cutter, Window
from auricle.bundles.aggregation import calibrate, log_probabilities, predicted_class, prediction_set
from auricle.errors import AudioError, FeatureError, UsageError
from auricle.kernels.framing import all_within
from auricle.prediction.log_entries import RowSampler
from auricle.records import Prediction, Quality

if TYPE_CHECKING:
    from auricle.prediction.predictor import Predictor

__all__ = ["Stream"]


class Stream:
    """One recording on its way through a model.

    Blocks may have any size; the windows, and so the answers, do not depend on it. Times count samples, not clocks.

    Parameters
    ----------
    model : what answers
    rate_hz : rate of the blocks to come
    hop_s : from one window to the next; None for the model's own
    source : what to call the sound in messages
    channels : channels of the sound as it came; blocks hold their mean

    Raises
    ------
    UsageError : ``rate_hz`` is below 1, or ``hop_s`` is not above 0 or is longer than the window, so that sound would
        be passed over

    Attributes
    ----------
    model, rate_hz, source, channels : the same
    """

    def __init__(
        self,
        model: "Predictor",
        *,
        rate_hz: int,
        hop_s: float | None = None,
        source: str = "stream",
        channels: int = 1,
    ) -> None:
        spec = model.bundle.manifest.spec
        hop_samples = spec.window_hop_samples
        if rate_hz < 1:
            raise UsageError(f"`rate_hz` must be at least 1 Hz. Got {rate_hz}.")
        if hop_s is not None:
            window_s = spec.window_s or float("inf")
            if not 0 < hop_s <= window_s:
                raise UsageError(f"`hop_s` must be above 0 and at most the window's {window_s:g} s. Got {hop_s:g}.")
            # On the grid of frames, but never so far up it that sound is passed over.
            asked, longest = (spec.model_copy(update={"window_hop_s": s}).window_hop_samples for s in (hop_s, None))
            hop_samples = min(asked, longest)
        self.model = model
        self.rate_hz = rate_hz
        self.source = source
        self.channels = channels
        self._resampler = Resampler(rate_hz, spec.rate_hz)
        self._cutter = Cutter(spec.window_samples, hop_samples, spec.rate_hz)
        self.begin_recording()

    def begin_recording(self) -> None:
        """Begin the next recording here: :meth:`recording` then answers the windows that end from now on.

        Windows go on as if nothing had happened; so a stream that never ends is many recordings, one after the other.
        """
        self._value = np.zeros(len(self.model.bundle.manifest.classes) or 1)  # summed log-probabilities, or numbers
        self._standard = np.zeros(len(self.model.bundle.manifest.standard.columns))  # summed
        self._quality = quality.Combined()
        self._rows = RowSampler()
        self._n_windows = 0
        self._start_s = self._end_s = 0.0

    def push(self, block: Samples) -> list[Prediction]:
        """Take the next samples, float32, shape (n,), and return the answers of the windows that they complete.

        Raises
        ------
        AudioError : not one channel of floating-point samples, or one that is not finite
        """
        return self._told(self._hear(block))

    def flush(self) -> list[Prediction]:
        """End the sound and return the answer of the window that ends at its last sample, if it is still due."""
        return self._told(self._end())

    def listen(self, block: Samples) -> None:
        """Take the next samples as :meth:`push` does, for the sake of :meth:`recording` alone: that is quicker."""
        self._hear(block)

    def end(self) -> None:
        """End the sound as :meth:`flush` does, for the sake of :meth:`recording` alone."""
        self._end()

    def finish(self) -> Prediction:
        """End the sound and answer it as :meth:`recording` does, without the window that is still due."""
        self.end()
        return self.recording()

    def recording(self) -> Prediction:
        """Return the answer to all the windows so far: the mean of their log-probabilities, or of their numbers.

        Those before :meth:`begin_recording` do not count.

        Raises
        ------
        AudioError : no window is complete, or every sample is zero
        """
        if not self._n_windows:
            raise AudioError(f"{self.source}: an answer needs sound. Got none.")
        whole = self._quality.quality()
        if whole.peak_db <= quality.FLOOR_DB:
            raise AudioError(
                f"{self.source}: a recording must hold sound. Every sample of its "
                f"{self._end_s - self._start_s:.3f} s is zero: is the microphone muted or unplugged?"
            )
        distance = self.model.bundle.novelty.distance(self.standard_row())
        mean = _ModelOutput(self._start_s, self._end_s, self._value / self._n_windows, distance, whole)
        return self._prediction("recording", mean)

    def standard_row(self) -> NDArray[np.float32]:
        """Return the mean of the standard rows of all windows so far, float32, shape (n_standard,)."""
        return np.asarray(self._standard / self._n_windows, np.float32)

    def rows(self) -> NDArray[np.float32]:
        """Return rows that the model was asked about, at most 32, evenly spread over the windows so far.

        Returns
        -------
        float32, shape (n, n_columns)
        """
        return np.stack(self._rows.rows())

    def _hear(self, block: Samples) -> list["_ModelOutput"]:
        block = np.asarray(block)
        if block.ndim != 1:
            raise AudioError(f"{self.source}: a block must be one channel, shape (n,). Got shape {block.shape}.")
        if block.size and block.dtype.kind != "f":
            raise AudioError(
                f"{self.source}: samples must be floating point, in [-1, 1]. Got {block.dtype}: "
                "divide by its full scale, for int16 by 32768."
            )
        block = np.ascontiguousarray(block, np.float32)
        if not all_within(block, np.inf):
            raise AudioError(f"{self.source}: every sample must be finite. A block holds one that is not.")
        return self._heard(self._cutter.push(self._resampler.push(block)))

    def _end(self) -> list["_ModelOutput"]:
        return self._heard([*self._cutter.push(self._resampler.flush()), *self._cutter.flush()])

    def _heard(self, windows: Sequence[Window]) -> list["_ModelOutput"]:
        """Ask the model about windows, and add them to what the recording's answer is made of."""
        if not windows:
            return []
        rate_hz, least = self.model.bundle.manifest.spec.rate_hz, self.model.bundle.manifest.least_samples
        if windows[0].samples.size < least:  # then it is the only one, and the sound is no longer
            raise FeatureError(
                f"{self.source}: the sound must be at least one frame long, {least / rate_hz:.4g} s for "
                f"this model. It is {windows[0].samples.size / rate_hz:.4g} s."
            )
        heard = []
        is_class = self.model.graph.answer == "probabilities"
        for window in windows:
            # One row at a time: the last bits of a product of matrices depend on how many rows there are.
            row, standard = self.model.extractor.both_rows(window.samples)
            answer = self.model.graph.answers(row[np.newaxis])[0]
            value = log_probabilities(answer) if is_class else answer.astype(np.float64)
            measures = quality.measure(window.samples, window.rate_hz)
            distance = self.model.bundle.novelty.distance(standard)
            self._value += value
            self._standard += standard
            self._rows.add(row)
            self._quality.add(measures, window.samples.size / window.rate_hz)
            self._start_s = self._start_s if self._n_windows else window.start_s
            self._n_windows += 1
            self._end_s = window.end_s
            heard.append(_ModelOutput(window.start_s, window.end_s, value, distance, measures))
        return heard

    def _told(self, heard: list["_ModelOutput"]) -> list[Prediction]:
        return [self._prediction("window", one) for one in heard]

    def _prediction(self, level: Literal["window", "recording"], heard: "_ModelOutput") -> Prediction:
        manifest, novelty = self.model.bundle.manifest, self.model.bundle.novelty
        if manifest.target is not None:
            number = manifest.target.mean + manifest.target.deviation * float(heard.value[0])
            reach = manifest.interval.half_width if manifest.interval and level == "recording" else None
            score = novelty.score(level, doubt=None, distance=heard.distance)
            return Prediction(
                level,
                heard.start_s,
                heard.end_s,
                self.model.name,
                value=number,
                interval=None if reach is None else (number - reach, number + reach),
                novelty=score,
                unknown=novelty.is_unknown(level, score),
                quality=heard.quality,
            )
        calibration = manifest.calibration
        probabilities = calibrate(heard.value, calibration.window if level == "window" else calibration.recording)
        best = int(predicted_class(probabilities))
        sets = manifest.sets if level == "recording" else None
        score = novelty.score(level, doubt=1.0 - float(probabilities[best]), distance=heard.distance)
        return Prediction(
            level,
            heard.start_s,
            heard.end_s,
            self.model.name,
            label=manifest.classes[best],
            probabilities=dict(zip(manifest.classes, probabilities.tolist(), strict=True)),
            confidence=float(probabilities[best]),
            labels=None if sets is None else prediction_set(manifest.classes, probabilities, sets.thresholds),
            novelty=score,
            unknown=novelty.is_unknown(level, score),
            quality=heard.quality,
        )


class _ModelOutput(NamedTuple):
    """What a model made of one window, or of all windows on average."""

    start_s: float
    end_s: float
    value: NDArray[np.float64]
    """Log-probabilities, or a number."""
    distance: float
    quality: Quality
