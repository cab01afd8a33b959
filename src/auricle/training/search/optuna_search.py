"""Tuning by Optuna: features, family and settings searched together, pruned fold by fold, resumable after a kill."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from auricle.errors import UsageError
from auricle.models.table import MODELS, space
from auricle.runtime.compute import n_workers
from auricle.training.search.candidates import Candidate
from auricle.training.search.cross_validation import FoldFits, HeldOutFold
from auricle.training.search.racing import Explore
from auricle.training.search.search import MAX_MEMBERS
from auricle.training.search.search_space import VARIANTS, SearchSpace

__all__ = ["N_TRIALS", "optuna_search"]

N_TRIALS = 40
"""Trials of each search, where no budget ends it before."""

_AS_DEFAULT = "default"
_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


def optuna_search(
    menu: SearchSpace,
    *,
    n_searches: int,
    n_trials: int = N_TRIALS,
    budget_s: float | None = None,
    journal: Path | None = None,
    fingerprint: str = "",
    workers: int | None = None,
) -> Explore:
    """Return what explores a menu with a tree-structured Parzen estimator; each search has its own study.

    Parameters
    ----------
    n_searches : how many searches share the budget
    n_trials : of each search
    budget_s : seconds for all searches together
    journal : file that keeps every trial, so that a search goes on after a kill; None keeps them in memory
    fingerprint : what the search is of; a journal of another is refused
    workers : folds that are fitted side by side

    Raises
    ------
    UsageError : by the explorer, where the journal is another training's or no journal

    Source: Bergstra et al. (2011), "Algorithms for hyper-parameter optimization".
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def explore(fits: FoldFits, sources: list[HeldOutFold], name: str) -> list[int]:
        deadline = None if budget_s is None else time.perf_counter() + budget_s / n_searches
        study = _study(name, menu, journal)
        if study.user_attrs.get("of", fingerprint) != fingerprint:
            raise UsageError(
                f"{journal}: a journal belongs to one training, of the same data, features and families. "
                "This one is another's. Name another file, or remove it to begin anew."
            )
        study.set_user_attr("of", fingerprint)
        known: dict[int, int] = {}
        while len(study.get_trials(deepcopy=False, states=_FINISHED)) < n_trials:
            if deadline is not None and time.perf_counter() >= deadline:
                break
            trial = study.ask()
            known[trial.number] = index = fits.add(_drawn(menu, trial))
            _judge(study, trial, fits, index, sources, step=min(n_workers(workers), len(sources)))
        return _worthwhile(study, menu, fits, sources, known)

    return explore


def _study(name: str, menu: SearchSpace, journal: Path | None) -> optuna.Study:
    try:
        return optuna.create_study(
            study_name=name,
            storage=None if journal is None else JournalStorage(JournalFileBackend(str(journal))),
            load_if_exists=True,
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=menu.seed),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:  # whatever its reader meets in another file
        raise UsageError(f"{journal}: a journal must be a file that Optuna wrote, or a new one. {error}.") from error


def _judge(
    study: optuna.Study, trial: optuna.Trial, fits: FoldFits, index: int, sources: list[HeldOutFold], *, step: int
) -> None:
    """Fit a candidate fold after fold, as many side by side as there are workers, and give up what falls behind."""
    for done in range(0, len(sources), step):
        fits.make([(index, excluded) for excluded, _ in sources[done : done + step]])
        ran = sources[: done + step]
        trial.report(fits.score(((index, 1.0),), ran), done)
        if len(ran) < len(sources) and trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return
    study.tell(trial, fits.score(((index, 1.0),), sources))


def _worthwhile(
    study: optuna.Study, menu: SearchSpace, fits: FoldFits, sources: list[HeldOutFold], known: Mapping[int, int]
) -> list[int]:
    """Return the best trial of each family, fitted anew where an earlier process fitted it."""
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    best: dict[str, optuna.trial.FrozenTrial] = {}
    for trial in sorted(finished, key=lambda trial: -(trial.value or 0.0)):
        best.setdefault(trial.params["family"], trial)
    indices = []
    for trial in list(best.values())[:MAX_MEMBERS]:
        fixed = optuna.trial.FixedTrial(trial.params)
        indices.append(known[trial.number] if trial.number in known else fits.add(_drawn(menu, fixed)))
    fits.make([(index, excluded) for index in indices for excluded, _ in sources])
    return indices


def _drawn(menu: SearchSpace, trial: optuna.trial.BaseTrial) -> Candidate:
    """Draw features, a family and its settings."""
    changes = {}
    for name, values in VARIANTS.items():
        drawn = trial.suggest_categorical(name, [_AS_DEFAULT, *map(str, values)])
        if drawn != _AS_DEFAULT:
            changes[name] = next(value for value in values if str(value) == drawn)
    spec = menu.varied({k: v for k, v in changes.items() if k != "window_s" or menu.vary_window}) or menu.spec
    family = trial.suggest_categorical("family", list(menu.models))
    feature_sets = menu.feature_sets(family)
    parts = feature_sets[0]
    if len(feature_sets) > 1:
        parts = feature_sets[trial.suggest_int(f"{family}.parts", 0, len(feature_sets) - 1)]
    if MODELS[family].input_kind != "pooled":
        spec = menu.spec  # other parts are made for these windows only
    settings: dict[str, Any] = {}
    for name, where in space(family, menu.task).items():
        if where.is_whole:
            settings[name] = trial.suggest_int(f"{family}.{name}", int(where.low), int(where.high), log=True)
        else:
            settings[name] = trial.suggest_float(f"{family}.{name}", where.low, where.high, log=True)
    shown = {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in settings.items()}
    varied = {name: getattr(spec, name) for name in changes if getattr(spec, name) != getattr(menu.spec, name)}
    return replace(menu.candidate(family, settings, spec), settings=varied | shown, parts=parts)
