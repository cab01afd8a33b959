"""Windows of live recordings: nothing changed and nothing said, and what changed called by its name.

Models of real recordings are trained on a random half of a set, so that a window of the other half comes from the same
speakers, and nothing has changed. Its recordings are logged one every few seconds. Where nobody tells the sources, all
of them have one group, as in a log with one key.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from _faults import FAULTS
from _honesty_row import Row
from _monitored_models import RECORDINGS, ModelCache, TrainedModel, unlabelled
from monitoring import EXPECTED_CAUSES
from numpy.typing import NDArray

from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.datasets.dataset import Dataset
from auricle.features.cache import FeatureCache, default_folder
from auricle.monitoring.check import Check, check
from auricle.monitoring.sources.from_files import samples_from_files
from auricle.monitoring.sources.sample import Sample, reference_sample
from auricle.prediction.predictor import Predictor
from auricle.training.train import train

GROUPS = {"commands": "speaker", "esc10": "source", "fsdd": "speaker"}
N_TRAINED = {"commands": 900, "esc10": 200, "fsdd": 1200}
N_MODELS = 14
"""Of each set, each with a held-out part of its own: 42 pairs."""
N_MOTOR_MODELS, N_MOTOR_WINDOWS = 7, 72
"""Of a set of 116 recordings, so that windows of one model share most of theirs."""
START = np.datetime64("2026-03-02", "us")
OFFSETS_DB = {"north": -9.0, "south": 0.0, "east": 4.0, "west": -4.0}
SOUND_FAULTS = [name for name in FAULTS if name != "sample_rate"]
"""FSDD has the low rate anyway."""
LEVELS = [QUALITY_COLUMNS.index(name) for name in ("level_db", "peak_db", "noise_floor_db")]

Change = Callable[[Sample, np.random.Generator], Sample]


@dataclass
class Tally:
    """Counts of many checks."""

    n: int = 0
    alarms: int = 0
    right: int = 0
    right_of_alarms: int = 0
    disagreements: int = 0
    """Between the log under one key and the same recordings as a folder."""
    states: Counter[str] = field(default_factory=Counter)

    def add(self, found: Check, expected: set[str]) -> None:
        """Count a check; it is right where its first cause is an expected one."""
        is_right = bool(found.causes) and found.causes[0].kind in expected
        self.n += 1
        self.alarms += found.verdict.state == "alarm"
        self.right += is_right and found.verdict.state != "ok"
        self.right_of_alarms += is_right and found.verdict.state == "alarm"
        self.states[found.verdict.state] += 1


def half_mask(cache: ModelCache, name: str, seed: int) -> NDArray[np.bool_]:
    n = len(cache.data(name))
    chosen = np.random.default_rng(seed).permutation(n)[: N_TRAINED[name]]
    return np.isin(np.arange(n), chosen)


def model(cache: ModelCache, name: str, seed: int) -> TrainedModel:
    return cache.train(name, seed, training_mask=half_mask(cache, name, seed), kind=f"half_{GROUPS[name]}")


def draw(sample: Sample, n: int, rng: np.random.Generator) -> Sample:
    return sample.subset(rng.permutation(len(sample))[:n])


def told(trained: TrainedModel, window: Sample) -> Sample:
    """Give the recordings the groups that training knows."""
    return replace(window, groups=trained.data.groups[window.ids.astype(np.intp)].astype(str))


def untold(window: Sample, rng: np.random.Generator) -> Sample:
    """Log the recordings one every few seconds, under one key."""
    gaps = rng.exponential(5.0, len(window)).cumsum()
    return replace(window, groups=np.full(len(window), ""), times=START + (1e6 * gaps).astype("m8[us]"), ids=window.ids)


def with_sites(sample: Sample, seed: int) -> Sample:
    """Place each recording at a site, of which some were always quieter."""
    names = np.array(list(OFFSETS_DB))[np.random.default_rng(seed).integers(0, len(OFFSETS_DB), len(sample))]
    quality = sample.quality.copy()
    quality[:, LEVELS] += np.array([OFFSETS_DB[name] for name in names])[:, None]
    return replace(sample, quality=quality, metadata={"site": names})


def with_rhythm(sample: Sample, hours: NDArray[np.float64]) -> Sample:
    """Let the level follow the hour of the day, by 6 dB either way."""
    quality = sample.quality.copy()
    quality[:, LEVELS] += 6.0 * np.sin(2 * np.pi * hours / 24.0)[:, None]
    return replace(sample, quality=quality)


def condition(
    cache: ModelCache, trained: TrainedModel, kind: str, n: int, rng: np.random.Generator
) -> tuple[Sample, Sample, str | None]:
    """Return reference, window and ``by`` of an unchanged condition."""
    reference = trained.reference
    window = draw(unlabelled(cache.predict(trained)), n, rng)
    if kind == "no group told":
        return reference, untold(window, rng), None
    if kind == "groups told":
        return reference, told(trained, window), None
    if kind == "by a column that always differed":
        if trained.name == "fsdd":
            return reference, untold(window, rng), "speaker"
        seeds = rng.integers(0, 1 << 30, 2)
        return with_sites(reference, seeds[0]), untold(with_sites(window, seeds[1]), rng), "site"
    at_h = np.sort(rng.uniform(0, 7 * 24, len(window)))
    reference = with_rhythm(reference, rng.uniform(0, 24, len(reference)))
    window = with_rhythm(replace(window, times=START + (3.6e9 * at_h).astype("m8[us]")), at_h)
    return reference, replace(window, groups=np.full(len(window), "")), None


UNCHANGED = ("no group told", "groups told", "by a column that always differed", "a week with a daily rhythm")

_CACHE: list[ModelCache] = []


def _open() -> None:
    _CACHE.append(ModelCache(default_folder() / "benchmarks" / "honesty", GROUPS))


def unchanged(task: tuple[str, int, int]) -> dict[tuple[str, str], Tally]:
    """Check windows of one model in every condition."""
    name, seed, n_windows = task
    cache, found = _CACHE[0], {}
    trained = model(cache, name, seed)
    for kind in UNCHANGED:
        tally = found[name, kind] = Tally()
        for index in range(n_windows):
            rng = np.random.default_rng([seed, index, len(kind)])
            n = int(rng.integers(50, min(750, len(trained.unseen)) + 1))
            reference, window, by = condition(cache, trained, kind, n, rng)
            tally.add(check(reference, window, model_rate_hz=trained.rate_hz, by=by, seed=index), set())
    return found


def faulty(task: tuple[str, str, int]) -> tuple[tuple[str, str], Tally]:
    """Check windows of 200 recordings under a fault, all under one key."""
    name, fault, n_draws = task
    cache, tally = _CACHE[0], Tally()
    for index in range(n_draws):
        trained, rng = model(cache, name, index % 3), np.random.default_rng(index)
        folder = draw(unlabelled(cache.predict(trained, fault)), 200, rng)
        folder = replace(folder, groups=folder.ids)
        checks = [
            check(trained.reference, window, model_rate_hz=trained.rate_hz, seed=index)
            for window in (untold(folder, rng), folder)
        ]
        tally.add(checks[0], EXPECTED_CAUSES[fault])
        said = [(found.verdict.state, *(cause.kind for cause in found.causes[:1])) for found in checks]
        tally.disagreements += said[0] != said[1]
    return (name, fault), tally


def gauge(n: int, seed: int, *, unit: float = 1.0, errors: float = 1.0) -> Sample:
    """Return readings of a gauge from 0 to 1 m, in a unit; the error of a prediction grows with its novelty."""
    rng = np.random.default_rng(seed)
    truth, novelty, nat = rng.uniform(0, 1, n), rng.beta(2, 5, n), np.full(n, np.datetime64("NaT", "us"))
    answer = truth + errors * (0.01 + 0.08 * novelty**2) * rng.standard_normal(n)
    ids = np.array([f"{seed}-{index}" for index in range(n)])
    return Sample(
        model="gauge@0123456789ab",
        classes=(),
        columns=("a", "b"),
        ids=ids,
        times=nat,
        groups=ids,
        rows=np.column_stack([truth, rng.normal(size=n)]).astype(np.float32),
        quality=rng.normal(size=(n, len(QUALITY_COLUMNS))).astype(np.float32),
        outputs=(unit * answer)[:, None].astype(np.float32),
        novelty=novelty.astype(np.float32),
        unknown=novelty > 0.8,
        rates_hz=np.full(n, 16_000),
        truth=unit * truth,
        label_times=nat,
    )


def unchanged_gauge(seed: int) -> bool:
    rng = np.random.default_rng(seed)
    window = untold(unlabelled(gauge(int(rng.integers(50, 400)), seed + 10_000)), rng)
    return check(gauge(300, seed // 12), window, model_rate_hz=16_000, seed=seed).verdict.state == "alarm"


def unchanged_motor(seed: int) -> tuple[int, int, int]:
    """Count windows of 50 of the other half of a motor's recordings, and alarms without and with labels."""
    data = Dataset.load(RECORDINGS / "motor", group="throttle_pct")
    order = np.random.default_rng(seed).permutation(len(data))
    half = len(data) // 2
    with_cache = FeatureCache(default_folder() / "benchmarks" / "honesty" / "features")
    trained = train(data.subset(np.sort(order[:half])), models="linear", embeddings=(), cache=with_cache)
    live, _ = samples_from_files(Predictor(trained.bundle), data.subset(np.sort(order[half:])).examples, workers=1)
    reference, rate_hz = reference_sample(trained.bundle), trained.bundle.manifest.spec.rate_hz
    n_alarms = [0, 0]
    for index in range(N_MOTOR_WINDOWS):
        rng = np.random.default_rng([seed, index])
        window = untold(draw(live, 50, rng), rng)
        for column, one in enumerate((unlabelled(window), window)):
            found = check(reference, one, model_rate_hz=rate_hz, seed=index)
            n_alarms[column] += found.verdict.state == "alarm"
    return N_MOTOR_WINDOWS, *n_alarms


def rows(*, short: bool) -> Sequence[Row]:
    """Return the rows of unchanged and of faulty windows."""
    n_models, n_windows, n_draws, n_gauges = (2, 4, 5, 40) if short else (N_MODELS, 36, 50, 504)
    sets = ("commands", "fsdd") if short else tuple(GROUPS)
    _open()
    with ProcessPoolExecutor(os.cpu_count(), initializer=_open) as pool:
        quiet: dict[tuple[str, str], Tally] = {}
        for part in pool.map(unchanged, [(name, seed, n_windows) for seed in range(n_models) for name in sets]):
            for key, tally in part.items():
                before = quiet.setdefault(key, Tally())
                before.n, before.alarms = before.n + tally.n, before.alarms + tally.alarms
                before.states += tally.states
        faults = [(name, fault, n_draws) for name in ("fsdd", "commands") for fault in SOUND_FAULTS]
        found = dict(pool.map(faulty, faults))
        gauges = list(pool.map(unchanged_gauge, range(n_gauges), chunksize=8))
        motors = list(pool.map(unchanged_motor, range(2 if short else N_MOTOR_MODELS)))
    return [*_quiet_rows(quiet), _gauge_row(gauges), *_motor_rows(motors), *_fault_rows(found)]


def _quiet_rows(quiet: dict[tuple[str, str], Tally]) -> Iterator[Row]:
    for (name, kind), tally in quiet.items():
        yield Row(f"unchanged, {kind}, {name}: alarms", tally.alarms / tally.n, 0.02, tally.n)
        yield Row(f"unchanged, {kind}, {name}: watched", tally.states["watch"] / tally.n, 0.05, tally.n)


def _gauge_row(gauges: Sequence[bool]) -> Row:
    return Row("unchanged, numbers of a simulated gauge: alarms", float(np.mean(gauges)), 0.02, len(gauges))


def _motor_rows(motors: Sequence[tuple[int, int, int]]) -> Iterator[Row]:
    n, *alarms = (sum(counts) for counts in zip(*motors, strict=True))
    for what, count in zip(("without labels", "with 50 labels"), alarms, strict=True):
        yield Row(f"unchanged, numbers of a motor, {what}: alarms", count / n, 0.02, n)


def _fault_rows(found: dict[tuple[str, str], Tally]) -> Iterator[Row]:
    for (name, fault), tally in found.items():
        what = f"one key, {fault} on {name}"
        if tally.alarms:
            named = tally.right_of_alarms / tally.alarms
            yield Row(f"{what}: alarms named rightly", named, 0.9, tally.alarms, is_floor=True)
        yield Row(f"{what}: alarmed or watched, rightly", tally.right / tally.n, 0.95, tally.n, is_floor=True)
    n = sum(tally.n for tally in found.values())
    apart = sum(tally.disagreements for tally in found.values())
    yield Row("the same recordings as a folder and under one key: other verdict or cause", apart / n, 0.01, n)
