"""Load a model and predict recordings, windows, events and streams."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from auricle.audio.channels import EACH
from auricle.audio.clip import Clip, Samples
from auricle.audio.decode import open_sound, part_samples, read
from auricle.audio.sources import Source
from auricle.bundles.bundle import Bundle
from auricle.bundles.graph import Graph
from auricle.errors import BundleError, UsageError
from auricle.features.pipeline import FeaturePipeline
from auricle.prediction.events import EventRules
from auricle.prediction.model import LoadedModel
from auricle.prediction.request import PredictionRequest, RequestedLevels
from auricle.prediction.stream import Stream
from auricle.records import Prediction

__all__ = ["CUT_S", "Predictor", "load"]

CUT_S = 60.0
"""Length of the recordings that a stream is cut into."""


def load(path: str | Path) -> "Predictor":
    """Load a bundle, verify its hashes and run its self-test.

    Parameters
    ----------
    path : str or Path
        A file that ``auricle train`` wrote.

    Raises
    ------
    BundleError : not a bundle, a damaged one, or one that fails its self-test on this machine

    Examples
    --------
    >>> import tempfile
    >>> from auricle.datasets.dataset import Dataset
    >>> from auricle.datasets.synthesis import machines
    >>> from auricle.training.train import train
    >>> folder = Path(tempfile.mkdtemp())
    >>> sounds = Dataset.load(machines(folder, n=12, duration_s=0.5), label="label", group="machine")
    >>> train(sounds, models="linear").bundle.save(folder / "model.auricle")
    >>> model = load(folder / "model.auricle")
    >>> prediction = model.predict(sounds.examples[0].file)
    >>> prediction.level, prediction.label in model.classes
    ('recording', True)
    """
    bundle = Bundle.load(path)
    try:
        return Predictor(bundle)
    except BundleError as error:
        raise BundleError(f"{path}: {error}") from error


class Predictor:
    """Predict recordings, their windows and events, and streams; one may serve many threads.

    It can be copied, pickled and sent to other processes: it travels as its bundle, and tests itself on arrival.

    Parameters
    ----------
    model : Bundle or LoadedModel
        A bundle is loaded, and runs its self-test.

    Attributes
    ----------
    loaded : LoadedModel
        Input of :class:`~auricle.prediction.stream.Stream` and :class:`~auricle.prediction.events.Events`.
    bundle : Bundle
    name : str
        Name and version, as predictions give them.

    Raises
    ------
    BundleError : the graph does not load, or the self-test fails
    UsageError : neither a bundle nor a loaded model

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from auricle.datasets.dataset import Dataset
    >>> from auricle.datasets.synthesis import machines
    >>> from auricle.training.train import train
    >>> sounds = Dataset.load(machines(Path(tempfile.mkdtemp()), n=12, duration_s=0.5), label="label", group="machine")
    >>> predictor = Predictor(train(sounds, models="linear", window_s=0.2).bundle)
    >>> sound = np.random.default_rng(0).normal(0, 0.1, 4000).astype(np.float32)
    >>> [round(window.end_s, 1) for window in predictor.stream([sound[:1000], sound[1000:]], rate_hz=8000)]
    [0.2, 0.4, 0.5]
    >>> [window.start_s for window in predictor.windows(Clip(sound, 8000), start_s=0.1, end_s=0.3)]
    [0.1]
    """

    def __init__(self, model: Bundle | LoadedModel) -> None:
        if not isinstance(model, Bundle | LoadedModel):
            raise UsageError(
                f"`model` must be a Bundle. Got {type(model).__name__}. A file is loaded by `auricle.load`."
            )
        self.loaded = model if isinstance(model, LoadedModel) else LoadedModel.of(model)
        self.bundle, self.name = self.loaded.bundle, self.loaded.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The model's classes; none for a regressor."""
        return self.loaded.classes

    @property
    def pipeline(self) -> FeaturePipeline:
        """The pipeline from a window to the graph's input row."""
        return self.loaded.pipeline

    @property
    def graph(self) -> Graph:
        """The graph from rows to probabilities or numbers."""
        return self.loaded.graph

    def predict(
        self,
        source: Source | Clip,
        *,
        hop_s: float | None = None,
        start_s: float = 0.0,
        end_s: float | None = None,
        channel: str | None = None,
    ) -> Prediction:
        """Predict a recording: the mean of its windows' log-probabilities (or numbers), calibrated for recordings.

        Parameters
        ----------
        source : path, bytes, binary file object or Clip
        hop_s : float, optional
            From one window to the next; None for the model's own.
        start_s, end_s : float
            Part of the source to predict, in seconds; None for its end. Nothing after the part is decoded.
        channel : str, optional
            ``mean``, ``each``, ``max-energy`` or a number from 0; None for the model's own. With ``each`` the windows
            of all channels count alike.

        Raises
        ------
        AudioError : the sound cannot be read, is all zeros, or ends before the part
        FeatureError : the sound is shorter than one frame
        UsageError : the part is empty or begins before 0
        """
        return self.run(source, hop_s=hop_s, start_s=start_s, end_s=end_s, channel=channel).recording()

    def run(
        self,
        source: Source | Clip,
        *,
        hop_s: float | None = None,
        start_s: float = 0.0,
        end_s: float | None = None,
        channel: str | None = None,
    ) -> Stream:
        """Run a whole recording and return the finished stream; parameters as for :meth:`predict`.

        Raises
        ------
        AudioError : the sound cannot be read, or ends before the part
        FeatureError : the sound is shorter than one frame
        """
        with self._opened(source, hop_s, start_s, end_s, channel) as (stream, blocks):
            for block in blocks:
                stream.feed(block)
        stream.end()
        return stream

    def answers(
        self,
        source: Source | Clip,
        *,
        hop_s: float | None = None,
        start_s: float = 0.0,
        end_s: float | None = None,
        channel: str | None = None,
    ) -> tuple[Prediction, list[Prediction]]:
        """Predict a recording and all its windows in one pass; parameters as for :meth:`predict`."""
        windows = []
        with self._opened(source, hop_s, start_s, end_s, channel) as (stream, blocks):
            for predictions in stream.iter_windows(blocks):
                windows += predictions
        return stream.recording(), windows

    def windows(
        self,
        source: Source | Clip,
        *,
        hop_s: float | None = None,
        start_s: float = 0.0,
        end_s: float | None = None,
        channel: str | None = None,
    ) -> Iterator[Prediction]:
        """Predict the windows of a recording one by one, in constant memory; parameters as for :meth:`predict`."""
        for _, predictions in self.iter_windows(source, hop_s=hop_s, start_s=start_s, end_s=end_s, channel=channel):
            yield from predictions

    def events(
        self,
        source: Source | Clip,
        *,
        rules: EventRules | None = None,
        hop_s: float | None = None,
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> Iterator[Prediction]:
        """Detect the events of a recording of any length, in the order in which they end, in constant memory.

        Parameters
        ----------
        source, hop_s, start_s, end_s
            As for :meth:`predict`.
        rules : EventRules, optional
            None for the thresholds chosen in training and no smoothing.

        Raises
        ------
        AudioError : the sound cannot be read
        FeatureError : the sound is shorter than one frame
        UsageError : the model predicts a number
        """
        levels = RequestedLevels(self.loaded, PredictionRequest(events=rules or EventRules()))
        batches = self.iter_windows(source, hop_s=hop_s, start_s=start_s, end_s=end_s)
        yield from levels.over(windows for _, windows in batches)

    def stream(
        self,
        blocks: Iterable[Samples],
        *,
        rate_hz: int,
        hop_s: float | None = None,
        source: str = "stream",
        channels: int = 1,
        cut: Callable[[Stream], None] | None = None,
    ) -> Iterator[Prediction]:
        """Predict each window of a stream as soon as its last sample arrives.

        Parameters
        ----------
        blocks : iterable of float32, shape (n,)
            Consecutive samples, in blocks of any size.
        rate_hz : int
            Sample rate of the blocks.
        hop_s : float, optional
            From one window to the next; None for the model's own.
        source : str
            Name of the sound in messages.
        channels : int
            Channels of the original sound.
        cut : function, optional
            Called with the stream every 60 s and at the end; the windows since the last call are one recording.

        Raises
        ------
        AudioError : a block is not one channel of floating-point samples, or holds one that is not finite
        FeatureError : the sound is shorter than one frame
        UsageError : ``rate_hz`` is below 1, or ``hop_s`` is not above 0 or is longer than the window
        """
        stream = Stream(self.loaded, rate_hz=rate_hz, hop_s=hop_s, source=source, channels=channels)
        n_since = 0
        for block in blocks:
            yield from stream.push(block)
            n_since += len(block)
            if cut is not None and n_since >= CUT_S * rate_hz:
                cut(stream)
                stream.begin_recording()
                n_since = 0
        yield from stream.flush()
        if cut is not None:
            cut(stream)

    def iter_windows(
        self,
        source: Source | Clip,
        *,
        hop_s: float | None = None,
        start_s: float = 0.0,
        end_s: float | None = None,
        channel: str | None = None,
    ) -> Iterator[tuple[Stream, list[Prediction]]]:
        """Run a recording; yield the stream and the windows that each block completed."""
        with self._opened(source, hop_s, start_s, end_s, channel) as (stream, blocks):
            for windows in stream.iter_windows(blocks):
                yield stream, windows

    @contextmanager
    def _opened(
        self, source: Source | Clip, hop_s: float | None, start_s: float, end_s: float | None, channel: str | None
    ) -> Iterator[tuple[Stream, Iterable[Samples]]]:
        """Open a recording, or a part of one; yield a new stream and the recording's blocks."""
        if isinstance(source, Clip):
            clip = read(source, start_s=start_s, end_s=end_s)
            stream = Stream(self.loaded, rate_hz=clip.rate_hz, hop_s=hop_s, source=clip.source, start_s=clip.start_s)
            yield stream, [clip.samples]
            return
        with open_sound(source) as sound:
            start, _ = part_samples(start_s, end_s, sound.rate_hz)
            stream = Stream(
                self.loaded,
                rate_hz=sound.rate_hz,
                hop_s=hop_s,
                source=sound.name,
                channels=sound.channels,
                start_s=start / sound.rate_hz,
            )
            heard = channel or self.bundle.manifest.channel
            if heard != EACH:
                yield stream, sound.blocks(start_s=start_s, end_s=end_s, channel=heard)
            elif sound.channels == 1:
                yield stream, sound.blocks(start_s=start_s, end_s=end_s)
            else:
                yield stream, _each_channel(stream, source, sound.channels, start_s, end_s)


def _each_channel(
    stream: Stream, source: Source, channels: int, start_s: float, end_s: float | None
) -> Iterator[Samples]:
    """Yield the blocks of one channel after the other, and begin each in the stream."""
    for number in range(channels):
        if number:
            stream.next_channel()
        with open_sound(source) as sound:
            yield from sound.blocks(start_s=start_s, end_s=end_s, channel=str(number))
