"""A loaded model: one answer a recording, answers a window, answers on a stream."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from auricle.audio.clip import Clip, Samples
from auricle.audio.decode import Sound, open_sound
from auricle.audio.sources import Source
from auricle.bundles import self_test
from auricle.bundles.bundle import Bundle
from auricle.bundles.graph import Graph
from auricle.errors import BundleError
from auricle.prediction.events import EventRules, Events
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
    """A bundle with its features and its graph ready; one may serve many threads.

    Parameters
    ----------
    bundle : the model

    Raises
    ------
    BundleError : the graph does not load, or the golden windows do not give what they gave in training
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.name = bundle.id
        self.extractor = bundle.features()
        self.graph = Graph(bundle.graph)
        self_test.check(bundle, self.extractor, self.graph)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that it knows; none for a regressor."""
        return self.bundle.manifest.classes

    def predict(self, source: Source | Clip, *, hop_s: float | None = None) -> Prediction:
        """Answer a recording: the mean of its windows' log-probabilities (or numbers), calibrated for recordings.

        Parameters
        ----------
        source : a path, the bytes of a sound file, a binary file object, or a clip
        hop_s : from one window to the next; None for the model's own

        Raises
        ------
        AudioError : the sound cannot be read, or is all zeros
        FeatureError : it is shorter than one frame
        """
        return self.hear(source, hop_s=hop_s).recording()

    def hear(self, source: Source | Clip, *, hop_s: float | None = None) -> Stream:
        """Send a recording through a stream to its end, for the sake of what the stream then says of all of it.

        Parameters
        ----------
        source : a path, the bytes of a sound file, a binary file object, or a clip
        hop_s : from one window to the next; None for the model's own

        Raises
        ------
        AudioError : the sound cannot be read
        FeatureError : it is shorter than one frame
        """
        if isinstance(source, Clip):
            stream = Stream(self, rate_hz=source.rate_hz, hop_s=hop_s, source=source.source)
            stream.listen(source.samples)
        else:
            with open_sound(source) as sound:
                stream = self._stream(sound, hop_s)
                for block in sound.blocks():
                    stream.listen(block)
        stream.end()
        return stream

    def answers(self, source: Source | Clip, *, hop_s: float | None = None) -> tuple[Prediction, list[Prediction]]:
        """Answer a recording and each of its windows, in one pass; as :meth:`predict`, but all windows are held."""
        windows = []
        for stream, predictions in self.listen(source, hop_s=hop_s):  # noqa: B007  (wanted once it has ended)
            windows += predictions
        return stream.recording(), windows

    def windows(self, source: Source | Clip, *, hop_s: float | None = None) -> Iterator[Prediction]:
        """Answer each window of a recording of any length, one after the other, in constant memory."""
        for _, predictions in self.listen(source, hop_s=hop_s):
            yield from predictions

    def events(
        self, source: Source | Clip, *, rules: EventRules | None = None, hop_s: float | None = None
    ) -> Iterator[Prediction]:
        """Find the events of a recording of any length, in the order in which they end, in constant memory.

        Parameters
        ----------
        source : a path, the bytes of a sound file, a binary file object, or a clip
        rules : when an event begins, lasts and ends; None for the thresholds chosen in training and no smoothing
        hop_s : from one window to the next; None for the model's own

        Raises
        ------
        AudioError : the sound cannot be read
        FeatureError : it is shorter than one frame
        UsageError : the model answers with a number
        """
        events = Events(self, rules or EventRules())
        for _, windows in self.listen(source, hop_s=hop_s):
            yield from events.push(windows)
        yield from events.flush()

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
        stream = Stream(self, rate_hz=rate_hz, hop_s=hop_s, source=source, channels=channels)
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

    def listen(self, source: Source | Clip, *, hop_s: float | None = None) -> Iterator[tuple[Stream, list[Prediction]]]:
        """Send a recording through a stream; yield the stream and the windows that each block completed."""
        if isinstance(source, Clip):
            stream = Stream(self, rate_hz=source.rate_hz, hop_s=hop_s, source=source.source)
            yield stream, stream.push(source.samples)
        else:
            with open_sound(source) as sound:
                stream = self._stream(sound, hop_s)
                for block in sound.blocks():
                    yield stream, stream.push(block)
        yield stream, stream.flush()

    def _stream(self, sound: Sound, hop_s: float | None) -> Stream:
        return Stream(self, rate_hz=sound.rate_hz, hop_s=hop_s, source=sound.name, channels=sound.channels)
