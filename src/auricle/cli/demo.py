"""``auricle demo``: the whole loop on generated machine sounds; needs no data and no network."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from auricle.cli.options import JsonOption
from auricle.cli.terminal import Bars, err, print_json
from auricle.cli.train import show
from auricle.errors import OutputError

if TYPE_CHECKING:
    from auricle.cli.demo_loop import LoopResult
    from auricle.datasets.dataset import Dataset
    from auricle.features.cache import FeatureCache
    from auricle.prediction.predictor import Predictor
    from auricle.training.result import TrainResult

__all__ = ["demo"]

MARKER = ".auricle-demo"
"""An empty file in the folder of a demo."""

N_RECORDINGS = 128
N_NEW = 24
N_MACHINES = 25
"""Of fewer, the grid search tests all in turn, which takes several times as long."""


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for sounds, models and pictures.")] = Path(
        "demo-out"
    ),
    seed: Annotated[int, typer.Option(help="Random seed of sounds and models.", min=0, max=2**32 - 1)] = 0,
    as_json: JsonOption = False,
) -> None:
    """Run the whole loop on generated machine sounds: train, tune, score, predict, stream, serve, monitor, retrain.

    Example: `auricle demo -o demo-out`
    """
    from auricle.cli.demo_loop import close_the_loop
    from auricle.datasets.dataset import Dataset
    from auricle.datasets.synthesis import machines
    from auricle.evaluation.evaluate import evaluate
    from auricle.features.cache import FeatureCache
    from auricle.prediction.predictor import load

    _begin(output)
    _say("1. Sounds of a motor, healthy and with three faults, from several machines and microphones")
    table = machines(output / "sounds", n=N_RECORDINGS, seed=seed, n_machines=N_MACHINES)
    states, speeds = (
        Dataset.load(table, label="label", group="machine"),
        Dataset.load(table, target="rpm", group="machine"),
    )
    _pictures(states, output)

    _say("2. Which fault? Three model families, scored on held-out machines")
    cache = FeatureCache(output / "features")
    faults = _train(states, output / "faults.auricle", seed=seed, cache=cache)

    _say("3. The same task by grid search over the depth and splits of a forest")
    tuned = _train(states, output / "forest.auricle", seed=seed, cache=cache, models="forest", tune="grid")
    err.print(f"Best parameters: {dict(tuned.search.chosen.settings)}.", markup=False)

    _say("4. How fast does it turn? Regression on the same sounds")
    rpm = _train(speeds, output / "rpm.auricle", seed=seed, cache=cache, models="svm,linear")
    _scores(faults, rpm, output / "scores.png")
    faults.report.save(output / "faults.html")

    _say("5. The bundle predicts recordings of machines not seen in training")
    model = load(output / "faults.auricle")
    new = Dataset.load(machines(output / "new", n=N_NEW, seed=seed + 1000), label="label", group="machine")
    found, first = evaluate(model, new), new.examples[0]
    err.print(
        f"{first.file}: true {first.label}, predicted {found.predictions[0].label}. {found.verdict}", markup=False
    )

    _say("6. A minute of changing sound, predicted as a file and as a stream of blocks of random sizes")
    err.print(_stream(model, [example.file for example in new.examples], output / "minute.wav", seed))

    _say("7. A server predicts, its microphones become noisy, the monitor raises an alarm, labels arrive, it retrains")
    closed = close_the_loop(output / "loop", seed=seed, cache=cache)
    cache.close()
    err.print(_gain(closed), markup=False)

    _say(f"See {output}/: pictures, bundles, and the reports faults.html and loop/alarm.html")
    if as_json:
        trained = {"faults": faults.as_json(), "forest": tuned.as_json(), "rpm": rpm.as_json()}
        print_json({**trained, "loop": asdict(closed), "output": str(output)})


def _begin(folder: Path) -> None:
    """Create the demo's folder, or take that of an earlier demo; files of other origin are not written over.

    Raises
    ------
    OutputError : the folder cannot be written, or holds other files
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = sorted(path.name for path in folder.iterdir())
        if others and MARKER not in others:
            raise OutputError(
                f"{folder}: the demo's folder must be new, empty or an earlier demo's. It holds {others[0]!r}: name "
                "another."
            )
        (folder / MARKER).touch()
    except OSError as error:
        raise OutputError(f"{folder}: the demo's folder must be writable. {error.strerror}.") from error


def _say(text: str) -> None:
    err.print(f"\n{text}", style="bold", markup=False)


def _gain(closed: "LoopResult") -> str:
    (clean, noisy), (clean_after, noisy_after) = closed.before, closed.after
    server = "predicts with it" if closed.followed else "has NOT followed: please report this"
    return (
        f"On held-out machines, accuracy was {noisy:.0%} in noise and {clean:.0%} without; now it is {noisy_after:.0%} "
        f"and {clean_after:.0%}. The server {server}."
    )


def _train(
    data: "Dataset",
    path: Path,
    *,
    seed: int,
    cache: "FeatureCache",
    models: str = "auto",
    tune: Literal["none", "grid"] = "none",
) -> "TrainResult":
    from auricle.training.train import train

    with Bars() as bars:
        # No embeddings, so that the demo is the same on machines with and without pretrained models.
        result = train(
            data, models=models, embeddings=(), tune=tune, name=path.stem, seed=seed, cache=cache, progress=bars
        )
    result.bundle.save(path)
    show(result)
    return result


def _stream(model: "Predictor", files: list[Path], path: Path, seed: int) -> str:
    """Join recordings, predict them as a file and as blocks, and compare the two."""
    import numpy as np
    import soundfile

    from auricle.audio.decode import read

    clips = [read(file) for file in files]
    rate_hz, samples = clips[0].rate_hz, np.concatenate([clip.samples for clip in clips])
    soundfile.write(path, samples, rate_hz, subtype="FLOAT")
    cuts = np.unique(np.random.default_rng(seed).integers(1, samples.size, 500))
    streamed = list(model.stream(np.split(samples, cuts), rate_hz=rate_hz))
    whole = list(model.windows(path))
    verdict = "identical, to the last bit" if streamed == whole else "DIFFERENT: please report this"
    return f"{len(whole)} windows of {model.bundle.manifest.spec.window_s:g} s, {len(cuts) + 1} blocks: {verdict}."


def _pictures(data: "Dataset", output: Path) -> None:
    """Draw one recording in full, and the spectrogram of one recording per state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from auricle.audio.decode import read
    from auricle.features.plots import draw, label_bands, picture_spec, save
    from auricle.features.spectrum import log_mel

    figure = Figure(figsize=(11, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(data.classes), sharey=True)
    for axis, state in zip(axes, data.classes, strict=True):
        clip = read(next(example.file for example in data.examples if example.label == state))
        spec = picture_spec(clip.rate_hz)
        levels_db = log_mel(clip.samples, spec)
        top_db = float(levels_db.max())
        axis.imshow(
            levels_db.T,
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=top_db - 70,
            vmax=top_db,
            extent=(0, clip.duration_s, 0, levels_db.shape[1]),
        )
        axis.set(title=state.replace("_", " "), xlabel="time in s")
    label_bands(axes[0], spec)
    axes[0].set_ylabel("Hz")
    save(figure, output / "sounds.png")
    worn = next(example.file for example in data.examples if example.label == "worn_bearing")
    clip = read(worn)
    save(draw(clip, picture_spec(clip.rate_hz)), output / "sound.png")


def _scores(faults: "TrainResult", rpm: "TrainResult", path: Path) -> None:
    """Draw the confusion matrix of the faults, and predicted against true speeds, of held-out recordings."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from auricle.bundles.aggregation import predicted_class
    from auricle.features.plots import save

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    classes = faults.dataset.classes
    truth = np.searchsorted(classes, faults.dataset.labels)[faults.search.tested]
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (truth, predicted_class(faults.search.predictions)), 1)
    left.imshow(counts, cmap="Blues")
    names = [name.replace("_", " ") for name in classes]
    left.set(
        xticks=range(len(classes)),
        yticks=range(len(classes)),
        xlabel="predicted class",
        ylabel="true class",
        title="faults, held-out machines",
    )
    left.set_xticklabels(names, rotation=20)
    left.set_yticklabels(names)
    for (row, column), count in np.ndenumerate(counts):
        left.text(
            column, row, str(count), ha="center", va="center", color="white" if count > counts.max() / 2 else "black"
        )
    true_rpm, predicted_rpm = rpm.dataset.targets[rpm.search.tested], rpm.search.predictions[:, 0]
    right.scatter(true_rpm, predicted_rpm, s=14, alpha=0.6, color="#1f4e79")
    ends = [min(true_rpm.min(), predicted_rpm.min()), max(true_rpm.max(), predicted_rpm.max())]
    right.plot(ends, ends, color="black", linewidth=0.8)
    right.set(xlabel="true rpm", ylabel="predicted rpm", title="speed, held-out machines")
    save(figure, path)
