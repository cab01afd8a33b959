"""``auricle plot``: one picture of one sound."""

from pathlib import Path
from typing import Annotated

import typer

from auricle import files
from auricle.cli.options import JsonOption
from auricle.cli.terminal import err, print_json
from auricle.errors import FeatureError, UsageError

__all__ = ["plot"]

LONGEST_S = 120.0


def plot(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sound file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Picture to write: .png, .svg or .pdf.")],
    start_s: Annotated[float, typer.Option(help="Where to begin, in seconds.")] = 0.0,
    end_s: Annotated[
        float | None, typer.Option(help="Where to end; the file's end, at most 120 s on, if not given.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw waveform, STFT magnitude and phase, log-mel and MFCC over one time axis.

    Example: `auricle plot pump.wav -o pump.png`
    """
    from auricle.audio.decode import open_sound, read
    from auricle.features.figure import SUFFIXES, draw, picture_spec, save

    if output.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{output}: the picture's name must end in {', '.join(sorted(SUFFIXES))}.")
    files.check_writable(output)
    if end_s is None:
        with open_sound(file) as sound:
            if sound.n_frames is None or sound.n_frames / sound.rate_hz - start_s > LONGEST_S:
                end_s = start_s + LONGEST_S
                err.print(f"Drawing at most {LONGEST_S:g} s; choose another part with --start-s and --end-s.")
    clip = read(file, start_s=start_s, end_s=end_s)
    try:
        figure = draw(clip, picture_spec(clip.rate_hz))
    except FeatureError as error:
        raise FeatureError(f"{file}: {error}") from error
    save(figure, output)
    if as_json:
        end_s = clip.start_s + clip.duration_s
        print_json({"rate_hz": clip.rate_hz, "start_s": clip.start_s, "end_s": end_s, "output": str(output)})
