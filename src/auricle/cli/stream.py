"""``auricle stream``: predictions per window or event of a file, a pipe or a microphone, as the sound arrives."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.commands import end_startup
from auricle.cli.event_options import (
    ConfirmOption,
    EventsOption,
    MaxGapOption,
    MinDurationOption,
    OffOption,
    OnlyOption,
    OnOption,
    SmoothOption,
    event_rules,
)
from auricle.cli.options import KeepOption, ModelArgument, open_outbox
from auricle.cli.terminal import err, leave_if_unread
from auricle.errors import UsageError

if TYPE_CHECKING:
    from auricle.prediction.bulk.outbox import EntryWriter
    from auricle.prediction.predictor import Predictor
    from auricle.prediction.stream import Stream
    from auricle.records import Prediction

__all__ = ["stream"]


def stream(
    model: ModelArgument,
    source: Annotated[
        str,
        typer.Argument(metavar="FILE|-|mic", help="A sound file, - for WAV or raw samples on stdin, or mic."),
    ],
    rate_hz: Annotated[int | None, typer.Option(help="Sample rate of raw samples or of the microphone.")] = None,
    sample_format: Annotated[str, typer.Option(help="Format of raw samples: s16, s32 or f32, little endian.")] = "s16",
    device: Annotated[
        str | None, typer.Option(help="Microphone: its number or a part of its name; the default one if not given.")
    ] = None,
    hop_s: Annotated[
        float | None, typer.Option(help="Seconds from one window to the next; the model's own if not given.")
    ] = None,
    events: EventsOption = False,
    on: OnOption = None,
    off: OffOption = None,
    min_duration_s: MinDurationOption = 0.0,
    max_gap_s: MaxGapOption = 0.0,
    smooth: SmoothOption = 1,
    confirm: ConfirmOption = 1,
    only: OnlyOption = None,
    store: KeepOption = None,
) -> None:
    """Predict live sound: one JSON line per window as soon as it is complete, or per start and end of an event.

    Example: `arecord -f S16_LE -r 16000 -t raw | auricle stream motor.auricle - --rate-hz 16000`
    """
    from auricle.prediction.formats import lines
    from auricle.prediction.live.pcm import check_sample_format
    from auricle.prediction.predictor import load
    from auricle.prediction.request import PredictionRequest, RequestedLevels

    check_sample_format(sample_format)
    if device is not None and source != "mic":
        raise UsageError("`--device` must be given with mic only.")
    rules = event_rules(
        events=events,
        on=on,
        off=off,
        min_duration_s=min_duration_s,
        max_gap_s=max_gap_s,
        smooth=smooth,
        confirm=confirm,
        only=only,
    )
    predictor = load(model)
    end_startup()
    request = PredictionRequest(windows=rules is None, events=rules, hop_s=hop_s)
    request.check(predictor.loaded)
    with (
        open_outbox(store) as keep,
        _windows(predictor, source, rate_hz, sample_format, device, hop_s, _cut(source, keep)) as windows,
        leave_if_unread(),
    ):
        predictions = RequestedLevels(predictor.loaded, request, announce=True).over([window] for window in windows)
        for line in lines({"file": source, **prediction.as_json()} for prediction in predictions):
            sys.stdout.write(line)
            sys.stdout.flush()


def _cut(source: str, keep: "EntryWriter | None") -> "Callable[[Stream], None] | None":
    """Return a function that logs each cut of the stream as a recording of one group; it skips silent cuts."""
    if keep is None:
        return None
    from auricle.errors import AudioError
    from auricle.prediction.log_entries import build_entry

    def cut(stream: "Stream") -> None:
        try:
            recording = stream.recording()
        except AudioError:
            return
        keep([build_entry(stream, recording, source=source, group=source)])

    return cut


@contextmanager
def _windows(
    model: "Predictor",
    source: str,
    rate_hz: int | None,
    sample_format: str,
    device: str | None,
    hop_s: float | None,
    cut: "Callable[[Stream], None] | None",
) -> "Iterator[Iterator[Prediction]]":
    """Open the source of the sound, and yield the predictions of its windows."""
    from auricle.audio.channels import EACH, MEAN
    from auricle.audio.decode import open_sound
    from auricle.prediction.live.microphone import open_microphone
    from auricle.prediction.live.pcm import open_pipe

    channel = model.bundle.manifest.channel
    if source == "-":
        piped = open_pipe(sys.stdin.buffer, rate_hz=rate_hz, sample_format=sample_format, channel=channel)
        yield model.stream(piped.blocks, rate_hz=piped.rate_hz, hop_s=hop_s, channels=piped.channels, cut=cut)
    elif source == "mic":
        ended = threading.Event()
        with open_microphone(device, rate_hz=rate_hz, has_ended=ended.is_set) as microphone, _end_on_ctrl_c(ended):
            err.print(f"Listening to {microphone.name} at {microphone.rate_hz} Hz; ctrl-C ends it.", markup=False)
            yield model.stream(microphone.blocks, rate_hz=microphone.rate_hz, hop_s=hop_s, cut=cut)
    else:
        with open_sound(source) as sound:
            if rate_hz not in (None, sound.rate_hz):
                raise UsageError(
                    f"{source}: `--rate-hz` must be the rate of the file's header, {sound.rate_hz}. Got {rate_hz}; "
                    "leave it out."
                )
            if channel == EACH and sound.channels == 1:
                channel = MEAN
            blocks, name = sound.blocks(channel=channel), sound.name
            yield model.stream(
                blocks, rate_hz=sound.rate_hz, hop_s=hop_s, source=name, channels=sound.channels, cut=cut
            )


@contextmanager
def _end_on_ctrl_c(ended: threading.Event) -> Iterator[None]:
    """Let ctrl-C end the sound, so that the last predictions are printed; a second ctrl-C ends the command."""

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        ended.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
