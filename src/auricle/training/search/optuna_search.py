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
from auricle.models.table import MODELS
from auricle.models.table import space as settings_space
from auricle.runtime.compute import n_workers
from auricle.training.search.candidates import Candidate
from auricle.training.search.cross_validation import FoldFits, HeldOutFold
from auricle.training.search.racing import Explore
from auricle.training.search.search import MAX_MEMBERS
from auricle.training.search.search_space import SPEC_VARIANTS, SearchSpace

__all__ = ["N_TRIALS", "optuna_search"]

N_TRIALS = 40
"""Trials of each study, where no budget ends it before."""

_AS_DEFAULT = "default"
_JOURNAL_HEAD = b'{"op_code":'
_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


def optuna_search(
    space: SearchSpace,
    *,
    n_searches: int,
    n_trials: int | None = None,
    budget_s: float | None = None,
    journal: Path | None = None,
    fingerprint: str = "",
    workers: int | None = None,
) -> Explore:
    """Return an explorer of a search space by a tree-structured Parzen estimator; each search has its own study.

    Parameters
    ----------
    space : SearchSpace
    n_searches : int
        Number of searches that share the budget.
    n_trials : int or None
        Trials of each search; None for ``N_TRIALS``.
    budget_s : float or None
        Seconds for all searches together.
    journal : Path or None
        File that keeps every trial, so that a search resumes after a kill; None keeps them in memory.
    fingerprint : str
        Identifies the training; a journal of another one is refused.
    workers : int or None
        Folds that are fitted in parallel; None uses every core.

    Raises
    ------
    UsageError : by the explorer, where the file is no journal, or another training's

    Source: Bergstra et al. (2011), "Algorithms for hyper-parameter optimization".
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    most = N_TRIALS if n_trials is None else n_trials

    def explore(fits: FoldFits, folds: list[HeldOutFold], name: str) -> list[int]:
        deadline = None if budget_s is None else time.perf_counter() + budget_s / n_searches
        study = _study(name, space, journal)
        if study.user_attrs.get("of", fingerprint) != fingerprint:
            raise UsageError(
                f"{journal}: a journal belongs to one training, of the same data, features and families. "
                "This one is another's. Name another file, or remove it to begin anew."
            )
        study.set_user_attr("of", fingerprint)
        fitted: dict[int, int] = {}
        while len(study.get_trials(deepcopy=False, states=_FINISHED)) < most:
            if deadline is not None and time.perf_counter() >= deadline:
                break
            trial = study.ask()
            fitted[trial.number] = index = fits.add(_suggest(space, trial))
            _run_trial(study, trial, fits, index, folds, n_parallel=min(n_workers(workers), len(folds)))
        return _finalists(study, space, fits, folds, fitted)

    return explore


def _study(name: str, space: SearchSpace, journal: Path | None) -> optuna.Study:
    try:
        if journal is not None and journal.exists():
            with journal.open("rb") as file:  # Optuna would append to any file, and read lines of other JSON
                if (head := file.read(len(_JOURNAL_HEAD))) and head != _JOURNAL_HEAD:
                    raise ValueError("It begins with other bytes")
        return optuna.create_study(
            study_name=name,
            storage=None if journal is None else JournalStorage(JournalFileBackend(str(journal))),
            load_if_exists=True,
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=space.seed),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:  # raised by its reader on other files
        raise UsageError(f"{journal}: a journal must be a file that Optuna wrote, or a new one. {error}.") from error


def _run_trial(
    study: optuna.Study, trial: optuna.Trial, fits: FoldFits, index: int, folds: list[HeldOutFold], *, n_parallel: int
) -> None:
    """Fit a candidate fold by fold, ``n_parallel`` at a time, and prune it where it falls behind."""
    for done in range(0, len(folds), n_parallel):
        fits.run([(index, excluded) for excluded, _ in folds[done : done + n_parallel]])
        ran = folds[: done + n_parallel]
        trial.report(fits.score(((index, 1.0),), ran), done)
        if len(ran) < len(folds) and trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return
    study.tell(trial, fits.score(((index, 1.0),), folds))


def _finalists(
    study: optuna.Study, space: SearchSpace, fits: FoldFits, folds: list[HeldOutFold], fitted: Mapping[int, int]
) -> list[int]:
    """Return the best trial of each family, fitted anew where an earlier process fitted it."""
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    best: dict[str, optuna.trial.FrozenTrial] = {}
    for trial in sorted(completed, key=lambda trial: -(trial.value or 0.0)):
        best.setdefault(trial.params["family"], trial)
    indices = []
    for trial in list(best.values())[:MAX_MEMBERS]:
        fixed = optuna.trial.FixedTrial(trial.params)
        indices.append(fitted[trial.number] if trial.number in fitted else fits.add(_suggest(space, fixed)))
    fits.run([(index, excluded) for index in indices for excluded, _ in folds])
    return indices


def _suggest(space: SearchSpace, trial: optuna.trial.BaseTrial) -> Candidate:
    """Suggest a spec, a family, a feature set and settings."""
    changes = {}
    for name, values in SPEC_VARIANTS.items():
        suggested = trial.suggest_categorical(name, [_AS_DEFAULT, *map(str, values)])
        if suggested != _AS_DEFAULT:
            changes[name] = next(value for value in values if str(value) == suggested)
    default = space.spec
    possible = {name: value for name, value in changes.items() if name != "window_s" or space.vary_window}
    spec = space.vary_spec(possible) or default
    family = trial.suggest_categorical("family", list(space.families))
    feature_sets = space.feature_sets(family)
    feature_set = feature_sets[0]
    if len(feature_sets) > 1:
        feature_set = feature_sets[trial.suggest_int(f"{family}.parts", 0, len(feature_sets) - 1)]
    if MODELS[family].input_kind != "pooled":
        spec = default  # other feature blocks are computed for these windows only
    settings: dict[str, Any] = {}
    for name, where in settings_space(family, space.task).items():
        if where.is_whole:
            settings[name] = trial.suggest_int(f"{family}.{name}", int(where.low), int(where.high), log=True)
        else:
            settings[name] = trial.suggest_float(f"{family}.{name}", where.low, where.high, log=True)
    shown = {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in settings.items()}
    varied = {name: getattr(spec, name) for name in changes if getattr(spec, name) != getattr(default, name)}
    candidate = space.candidate(family, settings, spec)
    return replace(candidate, settings=varied | shown, feature_set=feature_set)
