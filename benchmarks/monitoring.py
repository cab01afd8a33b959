"""Whether the monitor alarms when something changed, and not when nothing did, and names what happened.

Real recordings in ../shared/data: models are trained on a part of each set and watch the rest, as it is and with ten
faults applied to the sound itself. Beside it stands the usual test: Kolmogorov-Smirnov on every feature at 0.05 with
Bonferroni, and a population stability index above 0.2 of any feature. Then: estimates without labels, new speakers,
concept drift, and a check over 100,000 logged predictions. Draws are shared among all cores, a process each.
"""

import argparse
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from _monitoring_targets import targets
from faults import FAULTS
from numpy.typing import NDArray
from scipy.stats import ks_2samp
from watched import OTHERS, Shelf, Watch, joined, unlabelled

from auricle.features.cache import default_folder
from auricle.monitoring.check import Check, check
from auricle.monitoring.drift.feature_drift import drift_table
from auricle.monitoring.performance.concept_drift import ConceptDrift
from auricle.monitoring.performance.measured_performance import measured_performance
from auricle.monitoring.sources.sample import Sample

N_SPLITS = 3
SIZE = 200
NEW_SHARE = 0.2
"""Of a window that holds a new kind of sound."""
CHANGED = 0.2
"""Labels that mean something else after a change of concept."""

RIGHT: dict[str, set[str]] = {
    "gain_up": {"level"},
    "gain_down": {"level"},
    "white_noise": {"noise"},
    "pink_noise": {"noise"},
    "hum": {"hum"},
    "low_pass": {"bandwidth"},
    "mp3": {"codec"},
    "clipping": {"clipping"},
    "reverberation": {"reverberation"},
    "sample_rate": {"sample_rate"},
    "missing_class": {"missing_class"},
    "new_class": {"new_class"},
}
"""The first cause that a check must name."""


@dataclass
class Tally:
    """What became of many draws."""

    n: int = 0
    alarms: int = 0
    right: int = 0
    usual_ks: int = 0
    usual_psi: int = 0
    silent: int = 0
    """Draws in which nothing was estimated."""
    covered: int = 0
    estimated: list[float] = field(default_factory=list)
    true: list[float] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)

    def add(self, found: Check, window: Sample, *, right: set[str]) -> None:
        """Count what a check found in a window whose truth is known."""
        self.n += 1
        named = found.causes[0].kind if found.causes else "nothing"
        is_alarm = found.verdict.state == "alarm"
        self.alarms += is_alarm
        self.right += is_alarm and named in right
        self.causes[named if is_alarm else "no alarm"] += 1
        truth, thought = float(window.is_correct.mean()), found.estimate
        assert thought is not None
        if thought.value is None or thought.interval is None:
            self.silent += 1
            return
        self.covered += thought.interval[0] <= truth <= thought.interval[1]
        self.estimated.append(thought.value)
        self.true.append(truth)

    def take(self, other: "Tally") -> None:
        """Add what became of other draws."""
        for name in ("n", "alarms", "right", "usual_ks", "usual_psi", "silent", "covered"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.estimated += other.estimated
        self.true += other.true
        self.causes.update(other.causes)

    def as_json(self) -> dict[str, Any]:
        """Return the shares."""
        return {
            "draws": self.n,
            "alarmed": self.alarms / self.n,
            "named_rightly": self.right / max(1, self.alarms),
            "first_causes": dict(self.causes),
            "cannot_say": self.silent / self.n,
            "estimate_error": float(np.mean(self.estimated) - np.mean(self.true)) if self.true else None,
            "interval_covers_or_cannot_say": (self.covered + self.silent) / self.n,
        }


def draws(sample: Sample, n: int, seed: int) -> Sample:
    return sample.subset(np.random.default_rng(seed).permutation(len(sample))[:n])


def checked(watch: Watch, window: Sample, seed: int) -> Check:
    return check(watch.reference, unlabelled(window), model_rate_hz=watch.rate_hz, seed=seed)


def usual(watch: Watch, window: Sample) -> tuple[bool, bool]:
    """Return whether the usual tests alarm: each recording here is one window."""
    (before, _), (now, _) = drift_table(watch.reference), drift_table(window)
    p = [ks_2samp(a, b, method="asymp").pvalue for a, b in zip(before.T, now.T, strict=True)]
    return min(p) < 0.05 / len(p), max(map(_stability, before.T, now.T)) > 0.2


def _stability(before: NDArray[np.float32], now: NDArray[np.float32]) -> float:
    edges = np.unique(np.quantile(before, np.arange(1, 10) / 10))
    shares = [
        np.maximum(np.bincount(np.digitize(side, edges), minlength=len(edges) + 1) / len(side), 1e-4)
        for side in (before, now)
    ]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


CALM = ("commands", "fsdd")


def unchanged(shelf: Shelf, places: Sequence[int]) -> dict[str, Tally]:
    """Watch random windows of 50 to 750 recordings in which nothing has changed, by set."""
    sets = {name: Tally() for name in CALM}
    for place in places:
        name = CALM[place % 2]
        watch = shelf.watch(name, place // 2 % N_SPLITS)
        size = int(np.random.default_rng(place).integers(50, 751))
        window = draws(shelf.answered(watch), size, place)
        found, (ks, psi) = checked(watch, window, place), usual(watch, window)
        tally = sets[name]
        tally.add(found, window, right=set())
        tally.usual_ks += ks
        tally.usual_psi += psi
    return sets


def faulty(shelf: Shelf, name: str, fault: str, n_draws: int) -> Tally:
    """Watch windows of 200 recordings under a fault."""
    tally = Tally()
    for place, (watch, window) in enumerate(windows_of(shelf, name, fault, n_draws)):
        tally.add(checked(watch, window, place), window, right=RIGHT[fault])
    return tally


def windows_of(shelf: Shelf, name: str, fault: str, n_draws: int) -> Iterator[tuple[Watch, Sample]]:
    for place in range(n_draws):
        watch = shelf.watch(name, place % N_SPLITS)
        if fault == "missing_class":
            live = shelf.answered(watch)
            gone = watch.bundle.manifest.classes[place % len(watch.bundle.manifest.classes)]
            yield watch, draws(live.subset(live.truth != gone), SIZE, place)
        elif fault == "new_class":
            n_new = round(NEW_SHARE * SIZE)
            new = draws(shelf.answered(watch, other=True), n_new, place)
            yield watch, joined(draws(shelf.answered(watch), SIZE - n_new, place), new)
        else:
            yield watch, draws(shelf.answered(watch, fault), SIZE, place)


def speakers(shelf: Shelf, n_draws: int) -> float:
    """Return how often two new speakers are an alarm within 150 recordings: trained on a third of four others'."""
    data, alarms = shelf.data("fsdd"), 0
    names = np.array([example.metadata["speaker"] for example in data.examples])
    for place in range(n_draws):
        new = np.unique(names)[[place % 3, place % 3 + 3]]
        known = ~np.isin(names, new) & (np.random.default_rng(place % 3).random(len(names)) < 1 / 3)
        watch = shelf.watch("fsdd", place % 3, trained=known, kind="speakers")
        live = shelf.answered(watch)
        window = live.subset(np.isin(names[watch.unheard], new))
        alarms += checked(watch, draws(window, 150, place), place).verdict.state == "alarm"
    return alarms / n_draws


def relabelled(sample: Sample, rng: np.random.Generator) -> Sample:
    """Let a part of the labels be those of other classes."""
    n, classes = len(sample), np.array(sample.classes)
    told = np.searchsorted(classes, sample.truth)
    other = classes[(told + rng.integers(1, len(classes), n)) % len(classes)]
    return replace(sample, truth=np.where(rng.random(n) < CHANGED, other, sample.truth))


def concept_of(watch: Watch, labelled: Sample, seed: int) -> ConceptDrift:
    found = measured_performance(watch.reference, labelled, seed=seed)
    assert found is not None
    return found.concept


def concepts(shelf: Shelf, n_streams: int) -> dict[str, float]:
    """Watch streams of real errors: 5,000 labels of no change, and 500 of which a fifth mean something else."""
    false, found, after = 0, 0, []
    for place in range(n_streams):
        watch = shelf.watch(("commands", "fsdd")[place % 2], place // 2 % N_SPLITS)
        live, rng = shelf.answered(watch), np.random.default_rng(place)
        stream = live.subset(rng.integers(0, len(live), 5000))
        false += concept_of(watch, stream, place).is_found
        drift = concept_of(watch, relabelled(stream.subset(np.arange(500)), rng), place)
        found += drift.is_found
        after += [drift.label] if drift.label is not None else []
    return {
        "concept_false_alarm_rate": false / n_streams,
        "concept_found_within_500": found / n_streams,
        "concept_labels_needed_median": float(np.median(after)) if after else float("nan"),
    }


def logged(shelf: Shelf, n: int) -> dict[str, float]:
    """Time a check over logged predictions in a process of its own: seconds of one core, and most memory."""
    watch = shelf.watch("commands", 0)
    with tempfile.TemporaryDirectory() as folder:
        live = shelf.answered(watch)
        _fill(Path(folder) / "log.db", watch, live.subset(np.random.default_rng(0).integers(0, len(live), n)))
        model = Path(folder) / "m.auricle"
        watch.bundle.save(model)
        ran = subprocess.run(
            [sys.executable, __file__, "--check", str(Path(folder) / "log.db"), str(model)],
            capture_output=True,
            text=True,
            check=True,
        )
    told: dict[str, float] = json.loads(ran.stdout)
    return told


def _fill(path: Path, watch: Watch, sample: Sample) -> None:
    from auricle.bundles.profile import QUALITY_COLUMNS
    from auricle.records import Entry, Prediction, Quality
    from auricle.runtime.clock import new_id, now
    from auricle.store.store import Store

    classes, at = watch.bundle.manifest.classes, now()
    with Store.open(str(path)) as store:
        for begin in range(0, len(sample), 2000):
            entries = []
            for i in range(begin, min(begin + 2000, len(sample))):
                answer = sample.outputs[i].astype(float).tolist()
                prediction = Prediction(
                    "recording",
                    0.0,
                    1.0,
                    watch.bundle.id,
                    label=classes[int(np.argmax(answer))],
                    probabilities=dict(zip(classes, answer, strict=True)),
                    confidence=max(answer),
                    novelty=float(sample.novelty[i]),
                    unknown=bool(sample.unknown[i]),
                    quality=Quality(
                        **dict(zip(QUALITY_COLUMNS, sample.quality[i].astype(float).tolist(), strict=True))
                    ),
                )
                entries.append(
                    Entry(
                        id=new_id(),
                        time=at,
                        model=watch.bundle.id,
                        predictions=(prediction,),
                        standard=sample.rows[i],
                        rows=sample.rows[i : i + 1],
                        key="",
                        group=f"{i % 500}",
                        metadata={"site": f"{i % 5}"},
                        source=f"{i}.wav",
                        rate_hz=16_000,
                        channels=1,
                        audio=None,
                    )
                )
            store.add(entries)


def check_log(url: str, model: str) -> None:
    """Check a log, and print what that took."""
    from auricle.bundles.bundle import Bundle
    from auricle.monitoring.sources.from_store import logged as sample_of
    from auricle.monitoring.sources.sample import reference_sample
    from auricle.store.store import Store

    bundle = Bundle.load(model)
    started, clock = time.process_time(), time.perf_counter()
    with Store.open(url) as store:
        found, _ = sample_of(store.scan(), lambda _: bundle)
    ((_, window),) = found.values()
    check(reference_sample(bundle), window, model_rate_hz=bundle.manifest.spec.rate_hz, by="site")
    # Not getrusage: a child's begins with the memory that its parent held when it was started.
    peak_kb = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
    took = {
        "check_logged_n": len(window),
        "check_logged_cpu_s": time.process_time() - started,
        "check_logged_s": time.perf_counter() - clock,
        "check_logged_mb": peak_kb / 1e3,
    }
    print(json.dumps(took))


_SHELF: list[Shelf] = []


def _open(folder: Path) -> None:
    _SHELF.append(Shelf(folder))


def _unchanged(places: Sequence[int]) -> dict[str, Tally]:
    return unchanged(_SHELF[0], places)


def _faulty(name: str, fault: str, n_draws: int) -> Tally:
    return faulty(_SHELF[0], name, fault, n_draws)


def filled(shelf: Shelf, faults: Sequence[str]) -> None:
    """Put all that is watched on the shelf, so that processes find it there."""
    for name in ("commands", "fsdd", "esc10"):
        shelf.heard(name)
        for split in range(N_SPLITS):
            shelf.watch(name, split)
    for name, other in OTHERS.items():
        shelf.heard(other, by=name)
        for fault in set(faults) & FAULTS.keys():
            shelf.heard(name, fault)


def figures(shelf: Shelf, *, n_windows: int, n_draws: int, faults: list[str], n_logged: int) -> dict[str, Any]:
    filled(shelf, faults)
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process a core, and no more
    asked = [(name, fault) for name in ("commands", "esc10") for fault in faults]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(mp_context=context, initializer=_open, initargs=(shelf.folder,)) as pool:
        calm = [pool.submit(_unchanged, range(n_windows)[k::CHUNKS]) for k in range(CHUNKS)]
        changed = {of: pool.submit(_faulty, *of, n_draws) for of in asked}
        told = _calm_figures([one.result() for one in calm])
        told |= _changed_figures({of: one.result() for of, one in changed.items()})
    return told | {
        "speakers_alarmed_within_150": speakers(shelf, max(3, n_draws // 4)),
        **concepts(shelf, n_draws),
        **logged(shelf, n_logged),
    }


CHUNKS = 15
"""Of windows in which nothing has changed; odd, so that each holds both sets."""


def _calm_figures(chunks: Sequence[dict[str, Tally]]) -> dict[str, Any]:
    sets, whole = {name: Tally() for name in CALM}, Tally()
    for chunk in chunks:
        for name, tally in chunk.items():
            sets[name].take(tally)
            whole.take(tally)
    return {
        "false_alarm_rate": whole.alarms / whole.n,
        "false_alarm_rate_usual_ks": whole.usual_ks / whole.n,
        "false_alarm_rate_usual_psi": whole.usual_psi / whole.n,
        "unchanged": {name: tally.as_json() for name, tally in sets.items()},
        "unchanged_cannot_say": whole.silent,
    }


def _changed_figures(found: dict[tuple[str, str], Tally]) -> dict[str, Any]:
    noisy = [tally for (_, fault), tally in found.items() if fault in ("white_noise", "pink_noise")]
    changed: dict[str, dict[str, Any]] = {}
    for (name, fault), tally in found.items():
        changed.setdefault(name, {})[fault] = tally.as_json()
    every = list(found.values())
    return {
        "detection_rate": sum(tally.alarms for tally in every) / sum(tally.n for tally in every),
        "detection_rate_least": min(tally.alarms / tally.n for tally in every),
        "named_rightly_rate": sum(tally.right for tally in every) / sum(tally.alarms for tally in every),
        "noise_covered_or_cannot_say": sum(t.covered + t.silent for t in noisy) / sum(t.n for t in noisy),
        "changed": changed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--short", action="store_true", help="a few draws of commands and ESC-10, once all is kept")
    parser.add_argument("--keep", type=Path, default=default_folder() / "benchmarks", help="where features are kept")
    parser.add_argument("--check", nargs=2, metavar=("STORE", "MODEL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.check:
        check_log(*arguments.check)
        return
    shelf = Shelf(arguments.keep)
    faults = [*FAULTS, "missing_class", "new_class"]
    if arguments.short:
        told = figures(shelf, n_windows=40, n_draws=4, faults=faults, n_logged=5000)
    else:
        told = figures(shelf, n_windows=500, n_draws=50, faults=faults, n_logged=100_000)
    rows = targets(told)
    if arguments.json:
        met = {"targets_met": sum(is_met for *_, is_met in rows), "targets": len(rows)}
        print(json.dumps(told | met, indent=1))
        return
    for name, value in told.items():
        if not isinstance(value, dict):
            print(f"{name}: {np.round(value, 3)}")
    for name, of_set in told["changed"].items():
        for fault, tally in of_set.items():
            causes = ", ".join(f"{cause} {n}" for cause, n in tally["first_causes"].items())
            shares = f"alarmed {tally['alarmed']:.0%}, named rightly {tally['named_rightly']:.0%}"
            print(f"{name:9} {fault:14} {shares}: {causes}")
    print(f"\n{'target':54} {'asked':>8}  {'':6} measured")
    for what, asked, got, is_met in rows:
        print(f"{what:54} {asked:>8}  {'met' if is_met else 'MISSED':6} {got}")


if __name__ == "__main__":
    main()
