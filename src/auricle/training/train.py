"""Train a model: from a data set to a bundle, by features, model selection, calibration and conversion."""

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from threadpoolctl import threadpool_limits

from auricle.audio.channels import MEAN
from auricle.datasets.dataset import MAX_TARGET, Dataset
from auricle.datasets.feature_table import Failure, Progress
from auricle.datasets.headers import Headers, hear_channel, read_headers
from auricle.errors import DataError, UsageError
from auricle.evaluation.independence import independent_groups
from auricle.features.cache import FeatureCache
from auricle.features.embeddings.embedding import Embedding
from auricle.features.pipeline import IMAGE
from auricle.features.spec import FeatureSpec
from auricle.inspection.findings import Finding
from auricle.inspection.leaks import Leaks, find_leaks
from auricle.inspection.recording_faults import find_recording_faults
from auricle.inspection.sample_rate import SampleRate, choose_rate, leave_out_odd
from auricle.models.family import Estimator
from auricle.training.defaults import Split, choose_spec, choose_split
from auricle.training.features import TrainingFeatures, compute_features
from auricle.training.networks import checkpoint_folder, network_settings
from auricle.training.packaging import build_bundle
from auricle.training.request import parse_request
from auricle.training.result import TrainResult
from auricle.training.search.candidates import Candidate
from auricle.training.search.cross_validation import SplitPlan
from auricle.training.search.racing import Explore
from auricle.training.search.search import search
from auricle.training.search.search_space import SearchSpace, check_convertible

__all__ = ["TUNINGS", "TrainResult", "Tuning", "train"]

Tuning = Literal["none", "grid", "optuna"]
TUNINGS: tuple[Tuning, ...] = ("none", "grid", "optuna")


def train(
    data: Dataset | str | Path,
    *,
    models: str | Iterable[str | Estimator] = "auto",
    embeddings: Iterable[str | Embedding] | None = None,
    tune: Tuning = "none",
    budget_s: float | None = None,
    split: Split = "group",
    window_s: float | Literal["auto"] = "auto",
    rate_hz: int | None = None,
    fmin_hz: float = 0.0,
    fmax_hz: float | None = None,
    channel: str = MEAN,
    spec: FeatureSpec | None = None,
    balance: bool = False,
    journal: Path | None = None,
    name: str | None = None,
    seed: int = 0,
    workers: int | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    skip_bad: bool = False,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> TrainResult:
    """Train on labelled recordings: compute features, choose a model, score it on held-out groups, make a bundle.

    Parameters
    ----------
    data : Dataset, str or Path
        A data set, or an argument of :meth:`Dataset.load`.
    models : str, or iterable of str and Estimator
        Families to try, keys of ``MODELS``, or ``"blend"``, or scikit-learn estimators of your own. ``"auto"`` tries a
        few cheap families, and a blend of them, on pooled features and the pretrained embeddings installed here; with a
        budget, and torch, the CNN as well.
    embeddings : iterable of str or Embedding, or None
        Pretrained models for ``"embedding"``, or arguments of
        :func:`~auricle.features.embeddings.presets.load_embedding`; None takes those installed here, an empty iterable
        none.
    tune : {"none", "grid", "optuna"}
        ``"none"`` tries each family with its defaults; ``"grid"`` every combination of its grid; ``"optuna"`` searches
        features, families and settings together.
    budget_s : float or None
        Seconds for the search; time left after the defaults goes to other features and settings, from cheap to costly.
        None tries the defaults, and equal trainings give equal bundles.
    split : {"group", "time"}
        ``"group"`` tests on held-out groups; ``"time"`` on the latest fifth of the recordings.
    window_s : float or "auto"
        Window length; ``"auto"`` makes a clip of up to 10 s one window.
    rate_hz : int or None
        Sample rate of the model; None chooses it by the content of the recordings.
    fmin_hz, fmax_hz : float or None
        Band of the mel features; None is half of the rate.
    channel : str
        Channel that the model hears, in training and in use: ``"mean"``, a number from ``"0"``, ``"max-energy"``, or
        ``"each"``, every channel as a recording of its own in the group of its file.
    spec : FeatureSpec or None
        Features in place of those chosen for the data, with rate and band of their own; its ``window_s`` must be given.
    balance : bool
        Give every class the same weight, in fits and in the choice, however many recordings it has.
    journal : Path or None
        With ``"optuna"``, the file that keeps its trials, so that a search resumes after a kill.
    name : str or None
        Name of the model; None takes the data's.
    seed : int
        Of the models and the folds.
    workers : int or None
        Threads; None uses every core.
    device : {"auto", "cpu", "cuda"}
        Device of networks; "auto" takes a GPU where there is one.
    skip_bad : bool
        Leave out recordings that cannot be used, instead of raising.
    cache : FeatureCache or None
        Keeps features from one training to the next.
    progress : Progress
        Called after every recording and every fit.

    Raises
    ------
    DataError : recordings, labels, groups or times that cannot be used
    UsageError : an unknown family, tuning or split, a setting out of its range, a missing pretrained model, or a
        network without torch or its device
    ModelError : a pretrained model that does not load, or fails on a recording
    ConversionError : a model without an ONNX form, or one that differs from its graph

    Examples
    --------
    >>> import tempfile
    >>> from auricle.datasets.synthesis import machines
    >>> sounds = Dataset.load(machines(Path(tempfile.mkdtemp()), n=12, duration_s=0.5), label="label", group="machine")
    >>> result = train(sounds, models="linear")
    >>> result.search.chosen.family, len(result.search.trials)
    ('linear', 2)
    >>> result.bundle.save(Path(tempfile.mkdtemp()) / "machines.auricle")
    """
    started = time.perf_counter()
    _check_settings(seed, tune, budget_s, journal)
    request = parse_request(models, embeddings, has_budget=budget_s is not None, device=device)
    dataset = data if isinstance(data, Dataset) else Dataset.load(data)
    if balance and dataset.task == "regress":
        raise UsageError("`balance` weighs classes. These are numbers: leave it out.")
    if dataset.task == "regress" and 0 < np.ptp(dataset.targets) < 1 / MAX_TARGET:
        raise DataError(
            f"{dataset.source}: targets must differ by at least {1 / MAX_TARGET:g}. They differ by "
            f"{np.ptp(dataset.targets):g}: choose another unit."
        )
    plan = choose_split(dataset, tune=tune, split=split, seed=seed)  # first, since it may refuse the data
    vary_window = spec is None and window_s == "auto"
    odd: tuple[Failure, ...] = ()
    headers: Headers | None = None
    if spec is None:
        headers = read_headers(dataset, workers=workers)
        rate = choose_rate(dataset, headers, rate_hz=rate_hz, workers=workers)
        spec = choose_spec(headers, rate.rate_hz, window_s=window_s, fmin_hz=fmin_hz, fmax_hz=fmax_hz)
        dataset, odd = leave_out_odd(dataset, headers, rate, skip_bad=skip_bad)
        dataset = replace(dataset, omitted=(*dataset.omitted, *headers.omitted))
    else:
        rate = SampleRate(spec.rate_hz, "that of the spec that was given.")
    if channel != MEAN:
        if headers is None or odd:  # those read before number the recordings as they were
            headers = read_headers(dataset, workers=workers)
        dataset = hear_channel(dataset, headers, channel)
        plan = choose_split(dataset, tune=tune, split=split, seed=seed)
    check_convertible(request.estimators, len(spec.columns), dataset.task)
    features = compute_features(
        dataset,
        spec,
        request,
        is_timed=budget_s is not None and tune != "optuna",
        skip_bad=skip_bad,
        workers=workers,
        cache=cache,
        progress=progress,
    )
    dataset = features.dataset
    if odd or features.failures:
        plan = choose_split(dataset, tune=tune, split=split, seed=seed)
    leaks, recording_faults = _inspect(features, plan, rate)
    independent = independent_groups(dataset, [(pair.first, pair.second) for pair in leaks.duplicates])
    name = name or _default_name(Path(dataset.source))
    # BLAS threads spend longer waiting than working on matrices this small, and their number changes the rounding.
    with checkpoint_folder(cache, f"{dataset.source} {name} {seed}") as folder, threadpool_limits(1, user_api="blas"):
        space = SearchSpace(
            families=request.families,
            estimators=request.estimators,
            task=dataset.task,
            spec=spec,
            seed=seed,
            vary_window=vary_window,
            is_balanced=balance,
            budget_families=request.budget_families,
            embeddings=tuple(request.embeddings),
            network_settings=network_settings(features.blocks.get(IMAGE), device, folder),
        )
        left_s = None if budget_s is None else max(0.0, budget_s - (time.perf_counter() - started))
        candidates, explore = _candidates(space, plan, tune, left_s, journal, features.fingerprint(), workers)
        result = search(
            features.data_by_spec,
            candidates,
            plan,
            blend=request.blend,
            drop_beaten=tune != "grid",
            budget_s=left_s if explore is None else None,  # with an explorer the defaults are tried in any case
            explore=explore,
            workers=workers,
            progress=progress,
        )
        chosen_spec, feature_set = result.chosen.spec or spec, result.chosen.feature_set
        pipeline = features.pipeline(chosen_spec, feature_set)
        examples = features.data_by_spec.features(chosen_spec)
        training_data = features.data_by_spec[chosen_spec].only(feature_set)
        bundle, estimator = build_bundle(
            dataset,
            examples,
            training_data,
            pipeline,
            result,
            plan,
            independent=independent[0],
            golden_windows=features.golden_windows(pipeline),
            name=name,
            channel=channel,
            workers=workers,
            progress=progress,
        )
    return TrainResult(
        bundle=bundle,
        dataset=dataset,
        examples=examples,
        training_data=training_data,
        estimator=estimator,
        search=result,
        plan=plan,
        leaks=leaks,
        independent_groups=independent,
        failures=(*odd, *features.failures),
        sample_rate=rate,
        seconds=time.perf_counter() - started,
        workers=workers,
        recording_faults=recording_faults,
    )


def _check_settings(seed: int, tune: Tuning, budget_s: float | None, journal: Path | None) -> None:
    if tune not in TUNINGS:
        raise UsageError(f"`tune` must be among {', '.join(TUNINGS)}. Got {tune!r}.")
    if not 0 <= seed < 2**32:
        raise UsageError(f"`seed` must be from 0 to 2**32 - 1. Got {seed}.")
    if budget_s is not None and not budget_s > 0:
        raise UsageError(f"`budget_s` must be above 0. Got {budget_s:g}.")
    if journal is not None and tune != "optuna":
        raise UsageError(f"`journal` keeps the trials of `tune` optuna. Got {tune!r}: leave it out.")


def _default_name(source: Path) -> str:
    """Return the name of a table, or of its folder where the table is called metadata."""
    return source.resolve().parent.name if source.stem == "metadata" else source.stem


def _inspect(features: TrainingFeatures, plan: SplitPlan, rate: SampleRate) -> tuple[Leaks, tuple[Finding, ...]]:
    """Find leakage across the split, and faults of single recordings."""
    indices, recordings = np.array([*features.facts], np.intp), [*features.facts.values()]
    dataset = features.dataset.subset(indices)
    leaks = find_leaks(dataset, recordings, blocks=plan.blocks[indices])
    return leaks, tuple(find_recording_faults(dataset, recordings, rate))


def _candidates(
    space: SearchSpace,
    plan: SplitPlan,
    tune: Tuning,
    budget_s: float | None,
    journal: Path | None,
    fingerprint: str,
    workers: int | None,
) -> tuple[list[Candidate], Explore | None]:
    """Return the candidates of a tuning, and the explorer that adds further ones."""
    if tune == "grid":
        return [*space.grids()], None
    if tune == "none":
        return [*space.defaults(), *([] if budget_s is None else space.beyond_defaults())], None
    from auricle.training.search.optuna_search import optuna_search  # slow to import, and needed here only

    explore = optuna_search(
        space,
        n_searches=len(plan.tested) + plan.is_nested,
        budget_s=budget_s,
        journal=journal,
        fingerprint=fingerprint,
        workers=workers,
    )
    return [*space.defaults()], explore
