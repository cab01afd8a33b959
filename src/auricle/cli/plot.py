"""``auricle plot``: one picture of a sound file, or of a model's saliency on it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.options import JsonOption
from auricle.cli.outputs import check_output
from auricle.cli.terminal import err, print_json
from auricle.errors import FeatureError, UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from auricle.audio.clip import Clip, Samples
    from auricle.records import Prediction

__all__ = ["plot"]

MAX_DRAWN_S = 120.0


def plot(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sound file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Picture to write, .png, .svg or .pdf.")],
    start_s: Annotated[float, typer.Option(help="Start of the part to draw, in seconds.")] = 0.0,
    end_s: Annotated[
        float | None, typer.Option(help="End of the part, in seconds; the file's end, at most 120 s on, if not given.")
    ] = None,
    explain: Annotated[
        Path | None,
        typer.Option(metavar="MODEL", help="Draw this model's saliency map instead; takes about 250 predictions."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw waveform, STFT magnitude and phase, log-mel and MFCC over one time axis, or a model's saliency map.

    Example: `auricle plot pump.wav -o pump.png`
    """
    from auricle.audio.decode import open_sound, read
    from auricle.features.plots import SUFFIXES, draw, picture_spec, save

    if output.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{output}: the picture's name must end in {', '.join(sorted(SUFFIXES))}.")
    check_output(output, f"{output.suffix[1:].upper()} picture", (file, explain))
    if end_s is None:
        with open_sound(file) as sound:
            if sound.n_frames is None or sound.n_frames / sound.rate_hz - start_s > MAX_DRAWN_S:
                end_s = start_s + MAX_DRAWN_S
                err.print(f"Drawing at most {MAX_DRAWN_S:g} s; choose another part with --start-s and --end-s.")
    clip = read(file, start_s=start_s, end_s=end_s)
    try:
        figure = draw(clip, picture_spec(clip.rate_hz)) if explain is None else _saliency_figure(clip, explain)
    except FeatureError as error:
        raise FeatureError(f"{file}: {error}") from error
    save(figure, output)
    if as_json:
        end_s = clip.start_s + clip.duration_s
        print_json({"rate_hz": clip.rate_hz, "start_s": clip.start_s, "end_s": end_s, "output": str(output)})


def _saliency_figure(clip: "Clip", path: Path) -> "Figure":
    """Draw how a model's prediction of a clip changes where parts of the spectrogram are hidden."""
    from auricle.audio.clip import Clip
    from auricle.features.occlusion import explain_sound
    from auricle.features.plots import draw_saliency, picture_spec
    from auricle.features.spectrum import log_mel
    from auricle.prediction.predictor import load

    model = load(path)

    def predict(samples: "Samples") -> "Prediction":
        return model.predict(Clip(samples, clip.rate_hz, source=clip.source))

    whole, spec = predict(clip.samples), picture_spec(clip.rate_hz)
    label = whole.label

    def score(samples: "Samples") -> float:
        occluded = predict(samples)
        return float(occluded.value or 0.0) if label is None else (occluded.probabilities or {})[label]

    return draw_saliency(
        log_mel(clip.samples, spec).T,
        explain_sound(score, clip.samples, spec),
        spec,
        source=clip.source,
        prediction=f"{whole.value:.4g}" if label is None else f"{label} ({whole.confidence:.2f})",
        unit="value" if label is None else "probability",
        start_s=clip.start_s,
    )
