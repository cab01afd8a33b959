"""A loaded model: one answer a recording, answers a window, answers on a stream."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from auricle.audio.clip import Clip, Samples
from auricle.audio.decode import open_sound, part_samples, read
from auricle.audio.sources import Source
from auricle.bundles.bundle import Bundle
from auricle.bundles.graph import Graph
from auricle.errors import BundleError
from auricle.features.pipeline import FeaturePipeline
from auricle.prediction.events import EventRules
from auricle.prediction.model import LoadedModel
from auricle.prediction.request import PredictionRequest, RequestedLevels
from auricle.prediction.stream import Stream
from auricle.records import Prediction

__all__ = ["CUT_S", "Predictor", "load"]

CUT_S = 60.0
"""A stream is as many recordings as it has stretches of so long."""


def load(path: str | Path) -> "Predictor":
    """Read a bundle, verify its hashes, run its golden windows, and return it ready to answer.

    Raises
    ------
    BundleError : no bundle, a damaged one, or one that does not compute here what it computed in training
    """
    bundle = Bundle.load(path)
    try:
        return Predictor(bundle)
    except BundleError as error:
        raise BundleError(f"{path}: {error}") from error


class Predictor:
    """Predict recordings, their windows and events, and streams; one may serve many threads.

    Parameters
    ----------
    model : Bundle or LoadedModel
        A bundle is loaded, and runs its self-test.

    Attributes
    ----------
    loaded : LoadedModel
        What :class:`~auricle.prediction.stream.Stream` and :class:`~auricle.prediction.events.Events` take.
    bundle : Bundle
    name : str
        Name and version, as predictions give them.

    Raises
    ------
    BundleError : the graph does not load, or the golden windows do not give what they gave in training
    """

    def __init__(self, model: Bundle | LoadedModel) -> None:
        self.loaded = model if isinstance(model, LoadedModel) else LoadedModel.of(model)
        self.bundle, self.name = self.loaded.bundle, self.loaded.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that it knows; none for a regressor."""
        return self.loaded.classes

    @property
    def extractor(self) -> FeaturePipeline:
        """What turns a window into the row that the graph takes."""
        return self.loaded.pipeline

    @property
    def graph(self) -> Graph:
        """What turns rows into probabilities or numbers."""
        return self.loaded.graph

    def predict(
        self, source: Source | Clip, *, hop_s: float | None = None, start_s: float = 0.0, end_s: float | None = None
    ) -> Prediction:
        """Answer a recording: the mean of its windows' log-probabilities (or numbers), calibrated for recordings.

        Parameters
        ----------
        source : a path, the bytes of a sound file, a binary file object, or a clip
        hop_s : from one window to the next; None for the model's own
        start_s, end_s : the part to predict, in seconds of the source; None for its end. No more is decoded than what
            leads to it

        Raises
        ------
        AudioError : the sound cannot be read, is all zeros, or ends before the part
        FeatureError : it is shorter than one frame
        UsageError : a part that is empty or begins before 0
        """
        return self.run(source, hop_s=hop_s, start_s=start_s, end_s=end_s).recording()

    def run(
        self, source: Source | Clip, *, hop_s: float | None = None, start_s: float = 0.0, end_s: float | None = None
    ) -> Stream:
        """Send a recording through a stream to its end, for the sake of what the stream then says of all of it.

        Parameters
        ----------
        source : a path, the bytes of a sound file, a binary file object, or a clip
        hop_s : from one window to the next; None for the model's own
        start_s, end_s : the part, as :meth:`predict` takes it

        Raises
        ------
        AudioError : the sound cannot be read, or ends before the part
        FeatureError : it is shorter than one frame
        """
        with self._opened(source, hop_s, start_s, end_s) as (stream, blocks):
            for block in blocks:
                stream.feed(block)
        stream.end()
        return stream

    def answers(
        self, source: Source | Clip, *, hop_s: float | None = None, start_s: float = 0.0, end_s: float | None = None
    ) -> tuple[Prediction, list[Prediction]]:
        """Answer a recording and each of its windows, in one pass; as :meth:`predict`, but all windows are held."""
        windows = []
        for stream, predictions in self.iter_windows(source, hop_s=hop_s, start_s=start_s, end_s=end_s):  # noqa: B007  (wanted once it has ended)
            windows += predictions
        return stream.recording(), windows

    def windows(
        self, source: Source | Clip, *, hop_s: float | None = None, start_s: float = 0.0, end_s: float | None = None
    ) -> Iterator[Prediction]:
        """Answer each window of a recording, or of a part of one, one after the other, in constant memory."""
        for _, predictions in self.iter_windows(source, hop_s=hop_s, start_s=start_s, end_s=end_s):
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
        """Find the events of a recording of any length, in the order in which they end, in constant memory.

        Parameters
        ----------
        source : a path, the bytes of a sound file, a binary file object, or a clip
        rules : when an event begins, lasts and ends; None for the thresholds chosen in training and no smoothing
        hop_s : from one window to the next; None for the model's own
        start_s, end_s : the part, as :meth:`predict` takes it

        Raises
        ------
        AudioError : the sound cannot be read
        FeatureError : it is shorter than one frame
        UsageError : the model answers with a number
        """
        levels = RequestedLevels(self.loaded, PredictionRequest(events=rules or EventRules()))
        heard = self.iter_windows(source, hop_s=hop_s, start_s=start_s, end_s=end_s)
        yield from levels.over(windows for _, windows in heard)

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
        """Answer each window of a stream as soon as its last sample is there.

        Parameters
        ----------
        blocks : float32, shape (n,), any sizes, one after the other
        rate_hz : rate of the blocks
        hop_s : from one window to the next; None for the model's own
        source : what to call the sound in messages
        channels : channels of the sound as it came
        cut : told every 60 s, and at the end: what was heard since the last time is one recording to it

        Raises
        ------
        AudioError : a block that is not one channel of floating-point samples, or holds one that is not finite
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
        self, source: Source | Clip, *, hop_s: float | None = None, start_s: float = 0.0, end_s: float | None = None
    ) -> Iterator[tuple[Stream, list[Prediction]]]:
        """Send a recording through a stream; yield the stream and the windows that each block completed."""
        with self._opened(source, hop_s, start_s, end_s) as (stream, blocks):
            for windows in stream.iter_windows(blocks):
                yield stream, windows

    @contextmanager
    def _opened(
        self, source: Source | Clip, hop_s: float | None, start_s: float, end_s: float | None
    ) -> Iterator[tuple[Stream, Iterable[Samples]]]:
        """Open a recording, or a part of one, and yield the stream that it is for and its blocks."""
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
            yield stream, sound.blocks(start_s=start_s, end_s=end_s)
