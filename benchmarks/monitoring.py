"""Monitoring benchmark: false alarms without drift, detection and naming of faults, estimates, and concept drift.

Real recordings in ../shared/data: models are trained on a part of each set and monitor the rest, unchanged and with ten
faults applied to the sound. For comparison, two standard tests: Kolmogorov-Smirnov on every feature at 0.05 with
Bonferroni, and a population stability index above 0.2 of any feature. Then estimates without labels, new speakers,
concept drift, and a check over 100,000 logged predictions. Draws run in one process per core.
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
from _faults import FAULTS
from _monitored_models import OTHER_SET, ModelCache, TrainedModel, concatenated, unlabelled
from _monitoring_targets import targets
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from auricle.features.cache import default_folder
from auricle.monitoring.check import Check, check
from auricle.monitoring.drift.feature_drift import drift_table
from auricle.monitoring.performance.concept_drift import ConceptDrift
from auricle.monitoring.performance.measured_performance import measured_performance
from auricle.monitoring.sources.sample import Sample

N_SPLITS = 3
SIZE = 200
NEW_SHARE = 0.2
"""Share of a new kind of sound in a window."""
CHANGED = 0.2
"""Share of labels changed by concept drift."""

EXPECTED_CAUSES: dict[str, set[str]] = {
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
"""First cause that a check must name."""


@dataclass
class Tally:
    """Counts over many draws."""

    n: int = 0
    alarms: int = 0
    right: int = 0
    usual_ks: int = 0
    usual_psi: int = 0
    silent: int = 0
    """Draws without an estimate."""
    covered: int = 0
    estimated: list[float] = field(default_factory=list)
    true: list[float] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)

    def add(self, found: Check, window: Sample, *, right: set[str]) -> None:
        """Count the result of a check on a window with known labels."""
        self.n += 1
        named = found.causes[0].kind if found.causes else "nothing"
        is_alarm = found.verdict.state == "alarm"
        self.alarms += is_alarm
        self.right += is_alarm and named in right
        self.causes[named if is_alarm else "no alarm"] += 1
        truth, estimate = float(window.is_correct.mean()), found.estimate
        assert estimate is not None
        if estimate.value is None or estimate.interval is None:
            self.silent += 1
            return
        self.covered += estimate.interval[0] <= truth <= estimate.interval[1]
        self.estimated.append(estimate.value)
        self.true.append(truth)

    def merge(self, other: "Tally") -> None:
        """Add the counts of other draws."""
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


def draw(sample: Sample, n: int, seed: int) -> Sample:
    return sample.subset(np.random.default_rng(seed).permutation(len(sample))[:n])


def checked(trained: TrainedModel, window: Sample, seed: int) -> Check:
    return check(trained.reference, unlabelled(window), model_rate_hz=trained.rate_hz, seed=seed)


def standard_tests(trained: TrainedModel, window: Sample) -> tuple[bool, bool]:
    """Return whether the standard tests raise an alarm."""
    (before, _), (now, _) = drift_table(trained.reference), drift_table(window)
    p = [ks_2samp(a, b, method="asymp").pvalue for a, b in zip(before.T, now.T, strict=True)]
    return min(p) < 0.05 / len(p), max(map(_stability, before.T, now.T)) > 0.2


def _stability(before: NDArray[np.float32], now: NDArray[np.float32]) -> float:
    edges = np.unique(np.quantile(before, np.arange(1, 10) / 10))
    shares = [
        np.maximum(np.bincount(np.digitize(side, edges), minlength=len(edges) + 1) / len(side), 1e-4)
        for side in (before, now)
    ]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


UNCHANGED_SETS = ("commands", "fsdd")


def unchanged_windows(cache: ModelCache, indices: Sequence[int]) -> dict[str, Tally]:
    """Check random windows of 50 to 750 recordings without drift, by set."""
    sets = {name: Tally() for name in UNCHANGED_SETS}
    for index in indices:
        name = UNCHANGED_SETS[index % 2]
        trained = cache.train(name, index // 2 % N_SPLITS)
        size = int(np.random.default_rng(index).integers(50, 751))
        window = draw(cache.predict(trained), size, index)
        found, (ks, psi) = checked(trained, window, index), standard_tests(trained, window)
        tally = sets[name]
        tally.add(found, window, right=set())
        tally.usual_ks += ks
        tally.usual_psi += psi
    return sets


def faulty_windows(cache: ModelCache, name: str, fault: str, n_draws: int) -> Tally:
    """Check windows of 200 recordings under a fault."""
    tally = Tally()
    for index, (trained, window) in enumerate(windows_of(cache, name, fault, n_draws)):
        tally.add(checked(trained, window, index), window, right=EXPECTED_CAUSES[fault])
    return tally


def windows_of(cache: ModelCache, name: str, fault: str, n_draws: int) -> Iterator[tuple[TrainedModel, Sample]]:
    for index in range(n_draws):
        trained = cache.train(name, index % N_SPLITS)
        if fault == "missing_class":
            live = cache.predict(trained)
            gone = trained.bundle.manifest.classes[index % len(trained.bundle.manifest.classes)]
            yield trained, draw(live.subset(live.truth != gone), SIZE, index)
        elif fault == "new_class":
            n_new = round(NEW_SHARE * SIZE)
            new = draw(cache.predict(trained, other=True), n_new, index)
            yield trained, concatenated(draw(cache.predict(trained), SIZE - n_new, index), new)
        else:
            yield trained, draw(cache.predict(trained, fault), SIZE, index)


def new_speakers(cache: ModelCache, n_draws: int) -> float:
    """Return the share of alarms on 150 recordings of two new speakers, with training data of four others."""
    data, alarms = cache.data("fsdd"), 0
    names = np.array([example.metadata["speaker"] for example in data.examples])
    for index in range(n_draws):
        new = np.unique(names)[[index % 3, index % 3 + 3]]
        known = ~np.isin(names, new) & (np.random.default_rng(index % 3).random(len(names)) < 1 / 3)
        trained = cache.train("fsdd", index % 3, training_mask=known, kind="speakers")
        live = cache.predict(trained)
        window = live.subset(np.isin(names[trained.unseen], new))
        alarms += checked(trained, draw(window, 150, index), index).verdict.state == "alarm"
    return alarms / n_draws


def relabelled(sample: Sample, rng: np.random.Generator) -> Sample:
    """Replace a share of the labels by other classes."""
    n, classes = len(sample), np.array(sample.classes)
    results = np.searchsorted(classes, sample.truth)
    other = classes[(results + rng.integers(1, len(classes), n)) % len(classes)]
    return replace(sample, truth=np.where(rng.random(n) < CHANGED, other, sample.truth))


def concept_of(trained: TrainedModel, labelled: Sample, seed: int) -> ConceptDrift:
    found = measured_performance(trained.reference, labelled, seed=seed)
    assert found is not None
    return found.concept


def concept_streams(cache: ModelCache, n_streams: int) -> dict[str, float]:
    """Check streams of real errors: 5,000 labels without drift, and 500 with a fifth of them changed."""
    false, found, after = 0, 0, []
    for index in range(n_streams):
        trained = cache.train(("commands", "fsdd")[index % 2], index // 2 % N_SPLITS)
        live, rng = cache.predict(trained), np.random.default_rng(index)
        stream = live.subset(rng.integers(0, len(live), 5000))
        false += concept_of(trained, stream, index).is_found
        drift = concept_of(trained, relabelled(stream.subset(np.arange(500)), rng), index)
        found += drift.is_found
        after += [drift.label] if drift.label is not None else []
    return {
        "concept_false_alarm_rate": false / n_streams,
        "concept_found_within_500": found / n_streams,
        "concept_labels_needed_median": float(np.median(after)) if after else float("nan"),
    }


def logged_check(cache: ModelCache, n: int) -> dict[str, float]:
    """Time a check over logged predictions in a process of its own: CPU seconds and peak memory."""
    trained = cache.train("commands", 0)
    with tempfile.TemporaryDirectory() as folder:
        live = cache.predict(trained)
        _fill(Path(folder) / "log.db", trained, live.subset(np.random.default_rng(0).integers(0, len(live), n)))
        model = Path(folder) / "m.auricle"
        trained.bundle.save(model)
        ran = subprocess.run(
            [sys.executable, __file__, "--check", str(Path(folder) / "log.db"), str(model)],
            capture_output=True,
            text=True,
            check=True,
        )
    results: dict[str, float] = json.loads(ran.stdout)
    return results


def _fill(path: Path, trained: TrainedModel, sample: Sample) -> None:
    from auricle.bundles.profile import QUALITY_COLUMNS
    from auricle.records import Entry, Prediction, Quality
    from auricle.runtime.clock import new_id, now
    from auricle.store.store import Store

    classes, at = trained.bundle.manifest.classes, now()
    with Store.open(str(path)) as store:
        for begin in range(0, len(sample), 2000):
            entries = []
            for i in range(begin, min(begin + 2000, len(sample))):
                answer = sample.outputs[i].astype(float).tolist()
                prediction = Prediction(
                    "recording",
                    0.0,
                    1.0,
                    trained.bundle.id,
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
                        model=trained.bundle.id,
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
    """Check a log, and print the time and memory that it took."""
    from auricle.bundles.bundle import Bundle
    from auricle.monitoring.sources.from_store import samples_from_store
    from auricle.monitoring.sources.sample import reference_sample
    from auricle.store.store import Store

    bundle = Bundle.load(model)
    started, clock = time.process_time(), time.perf_counter()
    with Store.open(url) as store:
        found, _ = samples_from_store(store.scan(), lambda _: bundle)
    ((_, window),) = found.values()
    check(reference_sample(bundle), window, model_rate_hz=bundle.manifest.spec.rate_hz, by="site")
    # Not getrusage, which starts with the memory of the parent process.
    peak_kb = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
    took = {
        "check_logged_n": len(window),
        "check_logged_cpu_s": time.process_time() - started,
        "check_logged_s": time.perf_counter() - clock,
        "check_logged_mb": peak_kb / 1e3,
    }
    print(json.dumps(took))


_CACHE: list[ModelCache] = []


def _open_cache(folder: Path) -> None:
    _CACHE.append(ModelCache(folder))


def _unchanged_windows(indices: Sequence[int]) -> dict[str, Tally]:
    return unchanged_windows(_CACHE[0], indices)


def _faulty_windows(name: str, fault: str, n_draws: int) -> Tally:
    return faulty_windows(_CACHE[0], name, fault, n_draws)


def fill_cache(cache: ModelCache, faults: Sequence[str]) -> None:
    """Compute all features and models, so that the processes find them in the cache."""
    for name in ("commands", "fsdd", "esc10"):
        cache.features(name)
        for split in range(N_SPLITS):
            cache.train(name, split)
    for name, other in OTHER_SET.items():
        cache.features(other, by=name)
        for fault in set(faults) & FAULTS.keys():
            cache.features(name, fault)


def figures(cache: ModelCache, *, n_windows: int, n_draws: int, faults: list[str], n_logged: int) -> dict[str, Any]:
    fill_cache(cache, faults)
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # one process per core
    cases = [(name, fault) for name in ("commands", "esc10") for fault in faults]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(mp_context=context, initializer=_open_cache, initargs=(cache.folder,)) as pool:
        unchanged_sets = [pool.submit(_unchanged_windows, range(n_windows)[k::CHUNKS]) for k in range(CHUNKS)]
        changed = {of: pool.submit(_faulty_windows, *of, n_draws) for of in cases}
        results = _unchanged_figures([one.result() for one in unchanged_sets])
        results |= _changed_figures({of: one.result() for of, one in changed.items()})
    return results | {
        "speakers_alarmed_within_150": new_speakers(cache, max(3, n_draws // 4)),
        **concept_streams(cache, n_draws),
        **logged_check(cache, n_logged),
    }


CHUNKS = 15
"""Chunks of unchanged windows; odd, so that each holds both sets."""


def _unchanged_figures(chunks: Sequence[dict[str, Tally]]) -> dict[str, Any]:
    sets, whole = {name: Tally() for name in UNCHANGED_SETS}, Tally()
    for chunk in chunks:
        for name, tally in chunk.items():
            sets[name].merge(tally)
            whole.merge(tally)
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
    parser.add_argument("--short", action="store_true", help="a few draws of commands and ESC-10, once all is cached")
    parser.add_argument("--keep", type=Path, default=default_folder() / "benchmarks", help="folder of cached features")
    parser.add_argument("--check", nargs=2, metavar=("STORE", "MODEL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.check:
        check_log(*arguments.check)
        return
    cache = ModelCache(arguments.keep)
    faults = [*FAULTS, "missing_class", "new_class"]
    if arguments.short:
        results = figures(cache, n_windows=40, n_draws=4, faults=faults, n_logged=5000)
    else:
        results = figures(cache, n_windows=500, n_draws=50, faults=faults, n_logged=100_000)
    rows = targets(results)
    if arguments.json:
        met = {"targets_met": sum(is_met for *_, is_met in rows), "targets": len(rows)}
        print(json.dumps(results | met, indent=1))
        return
    for name, value in results.items():
        if not isinstance(value, dict):
            print(f"{name}: {np.round(value, 3)}")
    for name, of_set in results["changed"].items():
        for fault, tally in of_set.items():
            causes = ", ".join(f"{cause} {n}" for cause, n in tally["first_causes"].items())
            shares = f"alarmed {tally['alarmed']:.0%}, named rightly {tally['named_rightly']:.0%}"
            print(f"{name:9} {fault:14} {shares}: {causes}")
    print(f"\n{'target':54} {'asked':>8}  {'':6} measured")
    for what, required, got, is_met in rows:
        print(f"{what:54} {required:>8}  {'met' if is_met else 'MISSED':6} {got}")


if __name__ == "__main__":
    main()
