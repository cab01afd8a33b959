"""Out-of-distribution detection by novelty: AUROC of sounds of known and of unknown classes.

ESC-10 without two of its classes, for five disjoint pairs: held-out clips of the known classes against those of the two
unknown ones. Then a model of spoken commands, on commands and on ESC-10 clips at 16 kHz, cut to 1 s. AUROC is the
chance that an unknown sound has the higher novelty. Needs the recordings in ../shared/data.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from auricle.audio.decode import read
from auricle.datasets.dataset import Dataset
from auricle.datasets.splits import hold_out
from auricle.prediction.predictor import Predictor
from auricle.training.train import train

RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "data"


def esc10_pair(first: int, models: str) -> tuple[float, float, float]:
    """Return the AUROC, and the shares of known and of unknown clips flagged as unknown."""
    dataset = Dataset.load(RECORDINGS / "esc10", fold="fold")
    unknown = np.isin(dataset.labels, dataset.classes[first : first + 2])
    assert dataset.folds is not None
    held_out = dataset.folds == "5"
    result = train(dataset.subset(np.flatnonzero(~unknown & ~held_out)), models=models)
    model = Predictor(result.bundle)
    indices = np.flatnonzero(unknown | held_out)
    predictions = [model.predict(dataset.examples[index].file) for index in indices]
    is_flagged, is_unknown = np.array([p.unknown for p in predictions]), unknown[indices]
    auroc = roc_auc_score(is_unknown, [p.novelty for p in predictions])
    return float(auroc), float(is_flagged[~is_unknown].mean()), float(is_flagged[is_unknown].mean())


def commands_against_esc10(models: str) -> tuple[float, float, float]:
    """Return the same for spoken commands, with ESC-10 clips of their rate and length as unknown sounds."""
    commands = Dataset.load(RECORDINGS / "commands", group="speaker")
    split = hold_out(commands, 0.2, seed=0)
    model = Predictor(train(commands.subset(split.train), models=models).bundle)
    known = [model.predict(commands.examples[index].file) for index in split.test]
    sounds = Dataset.load(RECORDINGS / "esc10", fold="fold").examples
    unknown = [
        model.predict(clip) for clip in (read(e.file, rate_hz=16_000, end_s=1.0) for e in sounds) if clip.samples.any()
    ]
    truth = np.repeat([0, 1], [len(known), len(unknown)])
    auroc = roc_auc_score(truth, [p.novelty for p in known + unknown])
    return float(auroc), *(float(np.mean([p.unknown for p in predictions])) for predictions in (known, unknown))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--short", action="store_true", help="without the forest")
    arguments = parser.parse_args()
    models = "linear,svm,blend" if arguments.short else "auto"
    pairs = [esc10_pair(first, models) for first in range(0, 10, 2)]
    speech = commands_against_esc10(models)
    aurocs = [auroc for auroc, *_ in pairs]
    figures = {
        "esc10_auroc_mean": float(np.mean(aurocs)),
        "esc10_auroc_least": min(aurocs),
        "esc10_aurocs": aurocs,
        "esc10_known_called_unknown": float(np.mean([known for _, known, _ in pairs])),
        "esc10_unknown_called_unknown": float(np.mean([unknown for *_, unknown in pairs])),
        "commands_auroc": speech[0],
        "commands_known_called_unknown": speech[1],
        "commands_unknown_called_unknown": speech[2],
    }
    if arguments.json:
        print(json.dumps(figures, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name}: {np.round(value, 3)}")


if __name__ == "__main__":
    main()
