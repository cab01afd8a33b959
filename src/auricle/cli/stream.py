"""``auricle stream``: answers window by window, as the sound arrives."""

import sys
from typing import Annotated

import typer

from auricle.cli.options import ModelArgument
from auricle.errors import UsageError

__all__ = ["stream"]


def stream(
    model: ModelArgument,
    source: Annotated[
        str, typer.Argument(metavar="FILE|-", help="A sound file, or - for raw samples of one channel on stdin.")
    ],
    rate_hz: Annotated[int | None, typer.Option(help="Rate of the raw samples.")] = None,
    sample_format: Annotated[str, typer.Option(help="Of the raw samples: s16, s32 or f32, little endian.")] = "s16",
    hop_s: Annotated[
        float | None, typer.Option(help="From one window to the next, in seconds; the model's own if not given.")
    ] = None,
) -> None:
    """Print one JSON line a window, as soon as its last sample is there.

    Example: `arecord -f S16_LE -r 16000 -t raw | auricle stream motor.auricle - --rate-hz 16000`
    """
    from auricle.prediction.formats import lines
    from auricle.prediction.pcm import blocks
    from auricle.prediction.predictor import load

    if source == "-":
        if rate_hz is None:
            raise UsageError("`--rate-hz` must be given with -: raw samples do not say their rate.")
        predictions = load(model).stream(blocks(sys.stdin.buffer, sample_format), rate_hz=rate_hz, hop_s=hop_s)
    else:
        if rate_hz is not None:
            raise UsageError("`--rate-hz` must not be given with a file: its header says the rate.")
        predictions = load(model).windows(source, hop_s=hop_s)
    for line in lines({"file": source, **prediction.as_json()} for prediction in predictions):
        sys.stdout.write(line)
        sys.stdout.flush()
