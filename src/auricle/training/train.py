"""From a data set to a bundle: features, search, fit, conversion, proof."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
from threadpoolctl import threadpool_limits

from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import Progress
from auricle.datasets.headers import read_headers
from auricle.errors import UsageError
from auricle.features.cache import FeatureCache
from auricle.features.embeddings.embedding import Embedding
from auricle.features.pipeline import IMAGE
from auricle.features.spec import FeatureSpec
from auricle.inspection.findings import Finding
from auricle.inspection.leaks import Leaks, find_leaks
from auricle.inspection.recording_faults import find_recording_faults
from auricle.models.family import Estimator
from auricle.training.defaults import Split, choose_spec, split_plan
from auricle.training.features import TrainingFeatures, compute_features
from auricle.training.networks import checkpoints, network_settings
from auricle.training.packaging import build_bundle
from auricle.training.request import training_request
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
    """Train on labelled recordings: compute features, choose a model, score it honestly, make a bundle.

    Parameters
    ----------
    data : a data set, or what :meth:`Dataset.load` reads
    models : families to try, keys of ``MODELS``, or ``"blend"``, or scikit-learn estimators of your own; ``"auto"`` is
        a cheap few, and a blend of them, on pooled features and on the pretrained embeddings that there are; with a
        budget, and torch, the CNN as well
    embeddings : pretrained models for ``"embedding"`` to read, or what
        :func:`~auricle.features.embeddings.presets.load_embedding` loads; None for those at hand, none for none
    tune : ``"none"`` tries each family with its defaults; ``"grid"`` every combination of its grid; ``"optuna"``
        searches features, families and settings together
    budget_s : seconds for the search; what is left after the defaults goes to other features and settings, from cheap
        to dear. None tries the defaults, and the same training gives the same bundle
    split : ``"group"`` tests on groups that were not heard; ``"time"`` on the latest fifth of the recordings
    window_s : length of a window; ``"auto"`` makes a clip of up to 10 s one window
    spec : features, in place of those chosen for the data; its ``window_s`` must be given
    balance : every class weighs the same, in fits and in the choice, however many recordings it has
    journal : with ``"optuna"``, the file that keeps its trials, so that a search goes on after a kill
    name : what the model is called; the data's name if not given
    seed : of the models and the folds
    workers : threads; None for every core
    device : where networks are trained; "auto" takes a GPU where there is one
    skip_bad : leave out recordings that cannot be used, instead of raising
    cache : where features are kept from one training to the next
    progress : told of every recording and every fit

    Raises
    ------
    DataError : recordings, labels, groups or times that cannot be used
    UsageError : an unknown family, tuning or split, a setting out of its range, a pretrained model that is not there,
        or a network without torch or the device asked for
    ModelError : a pretrained model that does not load, or fails on a recording
    ConversionError : a model that has no ONNX form, or whose graph would answer otherwise
    """
    started = time.perf_counter()
    _check_settings(tune, budget_s, journal)
    wanted = training_request(models, embeddings, has_budget=budget_s is not None, device=device)
    dataset = data if isinstance(data, Dataset) else Dataset.load(data)
    if balance and dataset.task == "regress":
        raise UsageError("`balance` weighs classes. These are numbers: leave it out.")
    protocol = split_plan(dataset, tune=tune, split=split, seed=seed)  # what cannot be split is said before all else
    vary_window = spec is None and window_s == "auto"
    spec = spec or choose_spec(read_headers(dataset, workers=workers), window_s=window_s)
    check_convertible(wanted.own, len(spec.columns), dataset.task)
    features = compute_features(
        dataset,
        spec,
        wanted,
        is_timed=budget_s is not None and tune != "optuna",
        skip_bad=skip_bad,
        workers=workers,
        cache=cache,
        progress=progress,
    )
    dataset = features.dataset
    if features.failures:
        protocol = split_plan(dataset, tune=tune, split=split, seed=seed)
    leaks, condition = _inspected(features, protocol)
    called = name or _name_of(Path(dataset.source))
    # BLAS threads wait for each other longer than they work on what is this small, and round by how many they are.
    with checkpoints(cache, f"{dataset.source} {called} {seed}") as folder, threadpool_limits(1, user_api="blas"):
        menu = SearchSpace(
            models=wanted.families,
            own=wanted.own,
            task=dataset.task,
            spec=spec,
            seed=seed,
            vary_window=vary_window,
            is_balanced=balance,
            more=wanted.more,
            embeddings=tuple(wanted.embeddings),
            networks=network_settings(features.blocks.get(IMAGE), device, folder),
        )
        left_s = None if budget_s is None else max(0.0, budget_s - (time.perf_counter() - started))
        offered, explore = _offered(menu, protocol, tune, left_s, journal, features.fingerprint(), workers)
        found = search(
            features.tables,
            offered,
            protocol,
            blend=wanted.blend,
            race=tune != "grid",
            budget_s=left_s if explore is None else None,  # the defaults are tried whatever it is; explore keeps to it
            explore=explore,
            workers=workers,
            progress=progress,
        )
        chosen = found.chosen.spec or spec
        pipeline = features.pipeline(chosen, found.chosen.parts)
        examples, table = features.tables.examples(chosen), features.tables[chosen].only(found.chosen.parts)
        bundle, estimator = build_bundle(
            dataset,
            examples,
            table,
            pipeline,
            found,
            protocol,
            golden_windows=features.golden_windows(pipeline),
            name=called,
            workers=workers,
            progress=progress,
        )
    return TrainResult(
        bundle=bundle,
        dataset=dataset,
        examples=examples,
        table=table,
        estimator=estimator,
        found=found,
        protocol=protocol,
        leaks=leaks,
        failures=features.failures,
        seconds=time.perf_counter() - started,
        workers=workers,
        condition=condition,
    )


def _check_settings(tune: Tuning, budget_s: float | None, journal: Path | None) -> None:
    if tune not in TUNINGS:
        raise UsageError(f"`tune` must be among {', '.join(TUNINGS)}. Got {tune!r}.")
    if budget_s is not None and not budget_s > 0:
        raise UsageError(f"`budget_s` must be above 0. Got {budget_s:g}.")
    if journal is not None and tune != "optuna":
        raise UsageError(f"`journal` keeps the trials of `tune` optuna. Got {tune!r}: leave it out.")


def _name_of(source: Path) -> str:
    """Return what to call a model: its table, or the folder of a table that is only called metadata."""
    return source.resolve().parent.name if source.stem == "metadata" else source.stem


def _inspected(features: TrainingFeatures, protocol: SplitPlan) -> tuple[Leaks, tuple[Finding, ...]]:
    """Look for what would make scores untrue, and what is wrong with recordings one by one."""
    kept, recordings = np.array([*features.facts], np.intp), [*features.facts.values()]
    dataset = features.dataset.subset(kept)
    leaks = find_leaks(dataset, recordings, blocks=protocol.blocks[kept])
    return leaks, tuple(find_recording_faults(dataset, recordings))


def _offered(
    menu: SearchSpace,
    protocol: SplitPlan,
    tune: Tuning,
    budget_s: float | None,
    journal: Path | None,
    fingerprint: str,
    workers: int | None,
) -> tuple[list[Candidate], Explore | None]:
    """Return what is tried: the defaults, a grid, or the defaults and what else a budget allows or Optuna proposes."""
    if tune == "grid":
        return [*menu.grids()], None
    if tune == "none":
        return [*menu.defaults(), *([] if budget_s is None else menu.further())], None
    from auricle.training.search.optuna_search import optuna_search  # slow to import, and needed for this alone

    explore = optuna_search(
        menu,
        n_searches=len(protocol.tested) + protocol.is_nested,
        budget_s=budget_s,
        journal=journal,
        fingerprint=fingerprint,
        workers=workers,
    )
    return [*menu.defaults()], explore
