"""``auricle plot``: one picture of one sound."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.options import JsonOption
from auricle.cli.terminal import err, print_json
from auricle.errors import FeatureError, UsageError
from auricle.runtime import files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from auricle.audio.clip import Clip, Samples
    from auricle.records import Prediction

__all__ = ["plot"]

LONGEST_S = 120.0


def plot(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sound file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Picture to write: .png, .svg or .pdf.")],
    start_s: Annotated[float, typer.Option(help="Where to begin, in seconds.")] = 0.0,
    end_s: Annotated[
        float | None, typer.Option(help="Where to end; the file's end, at most 120 s on, if not given.")
    ] = None,
    explain: Annotated[
        Path | None,
        typer.Option(metavar="MODEL", help="Draw what this model's answer hangs on, instead: about 250 answers."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw waveform, STFT magnitude and phase, log-mel and MFCC over one time axis; or what a model listened to.

    Example: `auricle plot pump.wav -o pump.png`
    """
    from auricle.audio.decode import open_sound, read
    from auricle.features.plots import SUFFIXES, draw, picture_spec, save

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
        figure = draw(clip, picture_spec(clip.rate_hz)) if explain is None else _explained(clip, explain)
    except FeatureError as error:
        raise FeatureError(f"{file}: {error}") from error
    save(figure, output)
    if as_json:
        end_s = clip.start_s + clip.duration_s
        print_json({"rate_hz": clip.rate_hz, "start_s": clip.start_s, "end_s": end_s, "output": str(output)})


def _explained(clip: "Clip", path: Path) -> "Figure":
    """Draw what the answer of a model to a clip hangs on."""
    from auricle.audio.clip import Clip
    from auricle.features.occlusion import explain_sound
    from auricle.features.plots import draw_explained, picture_spec
    from auricle.features.spectrum import log_mel
    from auricle.prediction.predictor import load

    model = load(path)

    def ask(samples: "Samples") -> "Prediction":
        return model.predict(Clip(samples, clip.rate_hz, source=clip.source))

    said = ask(clip.samples)
    spec = picture_spec(clip.rate_hz)

    def watched(samples: "Samples") -> float:
        again = ask(samples)
        return float(again.value or 0.0) if said.label is None else (again.probabilities or {})[said.label]

    answer = f"{said.value:.4g}" if said.label is None else f"{said.label} ({said.confidence:.2f})"
    return draw_explained(
        log_mel(clip.samples, spec).T,
        explain_sound(watched, clip.samples, spec),
        spec,
        source=clip.source,
        answer=answer,
        unit="value" if said.label is None else "probability",
        start_s=clip.start_s,
    )
