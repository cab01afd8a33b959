"""From a data set to a bundle: features, search, fit, conversion, proof."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from threadpoolctl import threadpool_limits

from auricle.datasets.dataset import Dataset
from auricle.datasets.feature_table import Progress, extract
from auricle.datasets.headers import read_headers
from auricle.errors import UsageError
from auricle.features.cache import FeatureCache
from auricle.features.embeddings.embedding import Embedding
from auricle.features.parts import IMAGE, POOLED, FeatureBlock, Features, Pooled
from auricle.features.spec import FeatureSpec
from auricle.inspection.leaks import find_leaks
from auricle.inspection.recording_faults import find_recording_faults
from auricle.inspection.scan import scan_dataset
from auricle.models.family import Estimator
from auricle.training.defaults import Split, choose_spec, split_plan
from auricle.training.design_matrix import DesignMatrices, design_matrices
from auricle.training.networks import checkpoints, images_of, network_settings
from auricle.training.packaging import build_bundle
from auricle.training.request import training_request
from auricle.training.result import TrainResult
from auricle.training.search.cross_validation import SplitPlan
from auricle.training.search.search import SearchResult, search
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
    if tune not in TUNINGS:
        raise UsageError(f"`tune` must be among {', '.join(TUNINGS)}. Got {tune!r}.")
    if budget_s is not None and not budget_s > 0:
        raise UsageError(f"`budget_s` must be above 0. Got {budget_s:g}.")
    if journal is not None and tune != "optuna":
        raise UsageError(f"`journal` keeps the trials of `tune` optuna. Got {tune!r}: leave it out.")
    wanted = training_request(models, embeddings, has_budget=budget_s is not None, device=device)
    dataset = data if isinstance(data, Dataset) else Dataset.load(data)
    if balance and dataset.task == "regress":
        raise UsageError("`balance` weighs classes. These are numbers: leave it out.")
    protocol = split_plan(dataset, tune=tune, split=split, seed=seed)  # what cannot be split is said before all else
    vary_window = spec is None and window_s == "auto"
    spec = spec or choose_spec(read_headers(dataset, workers=workers), window_s=window_s)
    check_convertible(wanted.own, len(spec.columns), dataset.task)
    dataset, examples, failures = extract(
        dataset, spec, workers=workers, skip_bad=skip_bad, cache=cache, progress=progress
    )
    if failures:
        protocol = split_plan(dataset, tune=tune, split=split, seed=seed)
    kept, recordings, _ = scan_dataset(dataset, workers=workers, cache=cache, progress=progress)
    leaks = find_leaks(dataset.subset(kept), recordings, blocks=protocol.blocks[kept])
    condition = tuple(find_recording_faults(dataset.subset(kept), recordings))
    further: dict[str, FeatureBlock] = {**wanted.embeddings}
    if wanted.has_networks:
        further[IMAGE] = images_of(spec, examples)
    tables = design_matrices(dataset, examples, spec, further, workers=workers, cache=cache, progress=progress)
    called = name or _name_of(Path(dataset.source))
    # BLAS threads wait for each other longer than they work on what is this small, and round by how many they are.
    with checkpoints(cache, f"{dataset.source} {called} {seed}") as folder, threadpool_limits(1, user_api="blas"):
        menu = SearchSpace(
            wanted.families,
            wanted.own,
            dataset.task,
            spec,
            seed,
            vary_window,
            balance,
            wanted.more,
            tuple(wanted.embeddings),
            network_settings(further.get(IMAGE), device, folder),
        )
        left_s = None if budget_s is None else max(0.0, budget_s - (time.perf_counter() - started))
        fingerprint = " ".join([spec.fingerprint(), *(part.fingerprint() for part in further.values())])
        found = _search(
            tables,
            menu,
            protocol,
            tune,
            left_s,
            journal,
            fingerprint,
            blend=wanted.blend,
            workers=workers,
            progress=progress,
        )
        chosen = found.chosen.spec or spec
        examples, table = tables.examples(chosen), tables[chosen].only(found.chosen.parts)
        features = Features(chosen, [{POOLED: Pooled(chosen), **further}[part] for part in found.chosen.parts])
        bundle, estimator = build_bundle(
            dataset, examples, table, features, found, protocol, name=called, workers=workers, progress=progress
        )
    return TrainResult(
        bundle,
        dataset,
        examples,
        table,
        estimator,
        found,
        protocol,
        leaks,
        failures,
        time.perf_counter() - started,
        workers,
        condition,
    )


def _name_of(source: Path) -> str:
    """Return what to call a model: its table, or the folder of a table that is only called metadata."""
    return source.resolve().parent.name if source.stem == "metadata" else source.stem


def _search(
    tables: DesignMatrices,
    menu: SearchSpace,
    protocol: SplitPlan,
    tune: Tuning,
    budget_s: float | None,
    journal: Path | None,
    fingerprint: str,
    *,
    blend: bool,
    workers: int | None,
    progress: Progress | None,
) -> SearchResult:
    """Search as it was asked for: the defaults, a grid, the defaults and what else a budget allows, or with Optuna."""
    if tune == "grid":
        offered = [*menu.grids()]
    elif tune == "none" and budget_s is not None:
        offered = [*menu.defaults(), *menu.further()]
    else:
        offered = [*menu.defaults()]
    explore = None
    if tune == "optuna":
        from auricle.training.search.optuna_search import optuna_search  # slow to import, and needed for this alone

        explore = optuna_search(
            menu,
            n_searches=len(protocol.tested) + protocol.is_nested,
            budget_s=budget_s,
            journal=journal,
            fingerprint=fingerprint,
            workers=workers,
        )
        budget_s = None  # the defaults are tried whatever it is; the explorer keeps to it
    return search(
        tables,
        offered,
        protocol,
        blend=blend,
        race=tune != "grid",
        budget_s=budget_s,
        explore=explore,
        workers=workers,
        progress=progress,
    )
