"""Predict a recording, and its windows as they complete, from blocks of samples of a file, pipe or microphone."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.audio import quality
from auricle.audio.clip import Samples, check_floating
from auricle.audio.clipping import ClippedRuns
from auricle.audio.resample import Resampler
from auricle.audio.windows import Cutter, Window
from auricle.bundles.aggregation import calibrate, log_probabilities, predicted_class, prediction_set
from auricle.errors import AudioError, FeatureError, UsageError
from auricle.kernels.framing import all_within
from auricle.prediction.model import LoadedModel
from auricle.prediction.row_sampler import RowSampler
from auricle.records import Prediction, Quality

__all__ = ["Stream"]

CLIPPED_AS_IT_CAME: Final = 7
"""Version of the quality measures from which on clipping is counted before the sound is resampled."""


class Stream:
    """Predict one recording block by block.

    Blocks may have any size; windows and predictions do not depend on it. Times count samples, not clocks.

    Parameters
    ----------
    model : LoadedModel
    rate_hz : int
        Sample rate of the blocks.
    hop_s : float, optional
        From one window to the next; None for the model's own.
    source : str
        Name of the sound in messages.
    channels : int
        Channels of the original sound; blocks hold their mean.
    start_s : float
        Start of the sound in its source; times count from there.

    Raises
    ------
    UsageError : ``rate_hz`` is below 1, or ``hop_s`` is not above 0 or is longer than the window, which would skip
        samples

    Attributes
    ----------
    model, rate_hz, source, channels : the same
    """

    def __init__(
        self,
        model: LoadedModel,
        *,
        rate_hz: int,
        hop_s: float | None = None,
        source: str = "stream",
        channels: int = 1,
        start_s: float = 0.0,
    ) -> None:
        spec = model.bundle.manifest.spec
        hop_samples = spec.window_hop_samples
        if rate_hz < 1:
            raise UsageError(f"`rate_hz` must be at least 1 Hz. Got {rate_hz}.")
        if hop_s is not None:
            window_s = spec.window_s or float("inf")
            if not 0 < hop_s <= window_s:
                raise UsageError(f"`hop_s` must be above 0 and at most the window's {window_s:g} s. Got {hop_s:g}.")
            # Rounded to the grid of frames, but never up beyond the window, which would skip samples.
            requested, longest = (spec.model_copy(update={"window_hop_s": s}).window_hop_samples for s in (hop_s, None))
            hop_samples = min(requested, longest)
        self.model = model
        self.rate_hz = rate_hz
        self.source = source
        self.channels = channels
        self._first_sample = round(start_s * spec.rate_hz)
        self._hop_samples = hop_samples
        self._carried: list[_ModelOutput] = []
        self._begin_sound()
        self.begin_recording()

    def _begin_sound(self) -> None:
        spec = self.model.bundle.manifest.spec
        self._resampler = Resampler(self.rate_hz, spec.rate_hz)
        self._clipped = ClippedRuns(self.rate_hz)
        self._cutter = Cutter(spec.window_samples, self._hop_samples, spec.rate_hz, first_sample=self._first_sample)

    def next_channel(self) -> None:
        """End one channel of the recording and begin the next; the windows of all of them count alike."""
        self._carried += self._end()
        self._begin_sound()

    @property
    def hop_s(self) -> float | None:
        """Seconds from one window to the next; None where the whole sound is one window."""
        spec = self.model.bundle.manifest.spec
        return None if spec.window_samples is None else self._hop_samples / spec.rate_hz

    def count_windows(self, duration_s: float) -> int:
        """Return how many windows a sound of this length has, give or take one."""
        spec = self.model.bundle.manifest.spec
        if spec.window_samples is None:
            return 1
        return 1 + max(0, -int(-(duration_s * spec.rate_hz - spec.window_samples) // self._hop_samples))

    def begin_recording(self) -> None:
        """Begin the next recording here: :meth:`recording` then covers the windows that end from now on.

        Windows continue across the border, so an endless stream is many recordings one after the other.
        """
        self._value = np.zeros(len(self.model.bundle.manifest.classes) or 1)  # summed log-probabilities, or numbers
        self._standard = np.zeros(len(self.model.bundle.manifest.standard.columns))  # summed
        self._quality = quality.QualityAccumulator()
        self._rows = RowSampler()
        self._n_windows = 0
        self._start_s = self._end_s = 0.0

    def push(self, block: Samples) -> list[Prediction]:
        """Push the next samples, float32, shape (n,), and return the predictions of the windows that they complete.

        Raises
        ------
        AudioError : not one channel of floating-point samples, or one that is not finite
        """
        outputs = self._push(block)
        carried, self._carried = self._carried, []
        return self._window_predictions([*carried, *outputs])

    def flush(self) -> list[Prediction]:
        """End the sound and return the prediction of the window that ends at its last sample, if it is still due."""
        return self._window_predictions(self._end())

    def iter_windows(self, blocks: Iterable[Samples]) -> Iterator[list[Prediction]]:
        """Push every block and flush; yield after each the windows that it completed."""
        for block in blocks:
            yield self.push(block)
        yield self.flush()

    def feed(self, block: Samples) -> None:
        """Push the next samples without building window predictions; faster if only :meth:`recording` is needed."""
        self._push(block)

    def end(self) -> None:
        """End the sound without building window predictions; :meth:`flush` returns them."""
        self._end()

    def finish(self) -> Prediction:
        """End the sound and return the recording's prediction."""
        self.end()
        return self.recording()

    def recording(self) -> Prediction:
        """Return the prediction of the recording so far: the mean of its windows' log-probabilities, or numbers.

        Windows before :meth:`begin_recording` do not count.

        Raises
        ------
        AudioError : no window is complete, or every sample is zero
        """
        if not self._n_windows:
            raise AudioError(f"{self.source}: a prediction needs sound. Got none.")
        overall = self._quality.quality()
        if overall.peak_db <= quality.FLOOR_DB:
            raise AudioError(
                f"{self.source}: a recording must hold sound. Every sample of its "
                f"{self._end_s - self._start_s:.3f} s is zero: is the microphone muted or unplugged?"
            )
        distance = self.model.bundle.novelty.distance(self.standard_row())
        mean = _ModelOutput(
            self._start_s, self._end_s, value=self._value / self._n_windows, distance=distance, quality=overall
        )
        return self._prediction("recording", mean)

    def standard_row(self) -> NDArray[np.float32]:
        """Return the mean standard row of all windows so far, float32, shape (n_standard,)."""
        return np.asarray(self._standard / self._n_windows, np.float32)

    def rows(self) -> NDArray[np.float32]:
        """Return at most 32 of the model's input rows, evenly spaced over the windows so far.

        Returns
        -------
        float32, shape (n, n_columns)
        """
        return np.stack(self._rows.rows())

    def _push(self, block: Samples) -> list["_ModelOutput"]:
        block = np.asarray(block)
        if block.ndim != 1:
            raise AudioError(f"{self.source}: a block must be one channel, shape (n,). Got shape {block.shape}.")
        if block.size:
            check_floating(block, self.source)
        block = np.ascontiguousarray(block, np.float32)
        if not all_within(block, np.inf):
            raise AudioError(f"{self.source}: every sample must be finite. A block holds one that is not.")
        self._clipped.push(block)
        return self._run_model(self._cutter.push(self._resampler.push(block)))

    def _end(self) -> list["_ModelOutput"]:
        return self._run_model([*self._cutter.push(self._resampler.flush()), *self._cutter.flush()])

    def _run_model(self, windows: Sequence[Window]) -> list["_ModelOutput"]:
        """Run the model on windows, and add its outputs to the recording's sums."""
        if not windows:
            return []
        rate_hz, min_samples = self.model.bundle.manifest.spec.rate_hz, self.model.bundle.manifest.min_samples
        if windows[0].samples.size < min_samples:  # then it is the only window, as long as the sound
            raise FeatureError(
                f"{self.source}: the sound must be at least one frame long, {min_samples / rate_hz:.4g} s for "
                f"this model. It is {windows[0].samples.size / rate_hz:.4g} s."
            )
        outputs = []
        is_classifier = self.model.graph.output == "probabilities"
        for window in windows:
            # One row at a time: the last bits of a matrix product depend on the number of rows.
            row, standard = self.model.pipeline.both_rows(window.samples)
            output = self.model.graph.predict(row[np.newaxis])[0]
            value = log_probabilities(output) if is_classifier else output.astype(np.float64)
            measures = self._measure(window)
            distance = self.model.bundle.novelty.distance(standard)
            self._value += value
            self._standard += standard
            self._rows.add(row)
            self._quality.add(measures, window.samples.size / window.rate_hz)
            self._start_s = self._start_s if self._n_windows else window.start_s
            self._n_windows += 1
            self._end_s = window.end_s
            outputs.append(_ModelOutput(window.start_s, window.end_s, value=value, distance=distance, quality=measures))
        return outputs

    def _measure(self, window: Window) -> Quality:
        measures = quality.measure(window.samples, window.rate_hz)
        if self.model.bundle.manifest.quality < CLIPPED_AS_IT_CAME:
            return measures
        start_s = self._first_sample / window.rate_hz
        return replace(measures, clipped=self._clipped.fraction(window.start_s - start_s, window.end_s - start_s))

    def _window_predictions(self, outputs: list["_ModelOutput"]) -> list[Prediction]:
        return [self._prediction("window", output) for output in outputs]

    def _prediction(self, level: Literal["window", "recording"], output: "_ModelOutput") -> Prediction:
        manifest, novelty = self.model.bundle.manifest, self.model.bundle.novelty
        if manifest.target is not None:
            number = manifest.target.mean + manifest.target.deviation * float(output.value[0])
            half_width = manifest.interval.half_width if manifest.interval and level == "recording" else None
            score = novelty.score(level, doubt=None, distance=output.distance)
            return Prediction(
                level,
                output.start_s,
                output.end_s,
                self.model.name,
                value=number,
                interval=None if half_width is None else (number - half_width, number + half_width),
                novelty=score,
                unknown=novelty.is_unknown(level, score),
                quality=output.quality,
            )
        calibration = manifest.calibration
        probabilities = calibrate(output.value, calibration.window if level == "window" else calibration.recording)
        best = int(predicted_class(probabilities))
        sets = manifest.sets if level == "recording" else None
        score = novelty.score(level, doubt=1.0 - float(probabilities[best]), distance=output.distance)
        return Prediction(
            level,
            output.start_s,
            output.end_s,
            self.model.name,
            label=manifest.classes[best],
            probabilities=dict(zip(manifest.classes, probabilities.tolist(), strict=True)),
            confidence=float(probabilities[best]),
            labels=None if sets is None else prediction_set(manifest.classes, probabilities, sets.thresholds),
            novelty=score,
            unknown=novelty.is_unknown(level, score),
            quality=output.quality,
        )


class _ModelOutput(NamedTuple):
    """Output of the model for one window, or its mean over the windows of a recording."""

    start_s: float
    end_s: float
    value: NDArray[np.float64]
    """Log-probabilities, or a number."""
    distance: float
    quality: Quality
