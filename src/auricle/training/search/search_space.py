"""Search space: the candidates of a training, from cheap to costly, by family, settings, feature set and spec."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from auricle.errors import ConversionError, UsageError
from auricle.features.pipeline import IMAGE, POOLED
from auricle.features.spec import FeatureSpec
from auricle.models.family import Estimator
from auricle.models.table import MODELS, estimator, grid
from auricle.tasks.table import Task
from auricle.training.convert.estimators import convert, verify
from auricle.training.search.candidates import Candidate, fit

__all__ = ["SPEC_VARIANTS", "SearchSpace", "check_convertible", "spectrum_columns"]

SPEC_VARIANTS: dict[str, tuple[Any, ...]] = {
    "parts": (1, 2, 8),
    "n_mels": (24, 64),
    "hop": (0.5, 0.125),
    "trim_db": (None, 50.0),
    "window_s": (0.5, 0.25),
}
"""Settings of the features to try in place of the defaults: ``hop`` as a fraction of a frame, ``window_s`` of the
default window."""

_FAST_FAMILIES = ("linear", "svm")
"""Families that spec variants are tried with."""


@dataclass(frozen=True, slots=True, eq=False)
class SearchSpace:
    """The candidates that one training may try.

    Parameters
    ----------
    families : sequence of str
        In the order of ``MODELS``.
    estimators : sequence of Estimator
        A user's own.
    task : Task
    spec : FeatureSpec
        The default features.
    seed : int
        Of every estimator.
    vary_window : bool
        Whether the window length may be varied.
    is_balanced : bool
        Whether every class has the same total weight in a fit.
    budget_families : sequence of str
        Families to try only where the budget allows.
    embeddings : sequence of str
        Names of the pretrained models.
    network_settings : mapping
        Settings of networks that are not searched: the size of images, the device.
    """

    families: Sequence[str]
    estimators: Sequence[Estimator]
    task: Task
    spec: FeatureSpec
    seed: int = 0
    vary_window: bool = False
    is_balanced: bool = False
    budget_families: Sequence[str] = ()
    embeddings: Sequence[str] = ()
    network_settings: Mapping[str, Any] = field(default_factory=dict)

    def defaults(self) -> Iterator[Candidate]:
        """Yield each family with its default settings, and a user's own estimators."""
        spectrum = spectrum_columns(self.spec)
        for family in self.families:
            default = self.candidate(family, {}, self.spec)
            yield from self._on_feature_sets(default)
            if family == "linear" and 0 < len(spectrum) < len(self.spec.columns):
                yield replace(default, settings={"columns": "spectrum"}, columns=spectrum)
        yield from self._own_candidates()

    def grids(self) -> Iterator[Candidate]:
        """Yield each family with every combination of its grid, and a user's own estimators unchanged."""
        for family in (*self.families, *self.budget_families):
            options = grid(family, self.task)
            for values in product(*options.values()):
                settings = dict(zip(options, values, strict=True))
                yield from self._on_feature_sets(self.candidate(family, settings, self.spec))
        yield from self._own_candidates()

    def beyond_defaults(self) -> Iterator[Candidate]:
        """Yield the candidates that a budget adds: one spec variant at a time, then further families and grids."""
        pooled = [family for family in self.families if MODELS[family].input_kind == "pooled"]
        fast = [family for family in _FAST_FAMILIES if family in pooled] or pooled[:1]
        for name, values in SPEC_VARIANTS.items():
            for value in values:
                spec = self.vary_spec({name: value})
                if spec is None or spec == self.spec:
                    continue
                for family in fast:
                    yield replace(self.candidate(family, {}, spec), settings={name: getattr(spec, name)})
        for family in self.budget_families:
            yield from self._on_feature_sets(self.candidate(family, {}, self.spec))
        families = (*self.families, *self.budget_families)
        defaults = {family: estimator(family, self.task, self.seed).get_params() for family in families}
        for candidate in self.grids():
            if any(defaults[candidate.family][name] != value for name, value in candidate.settings.items()):
                yield candidate

    def candidate(self, family: str, settings: Mapping[str, Any], spec: FeatureSpec) -> Candidate:
        """Return a family with scikit-learn settings, on the first of its feature sets."""
        model = estimator(family, self.task, self.seed)
        fixed = self.network_settings if MODELS[family].input_kind == "image" else {}
        model.set_params(**fixed, **settings)
        feature_set = self.feature_sets(family)[0]
        return Candidate(family, model, settings, spec=spec, feature_set=feature_set, is_balanced=self.is_balanced)

    def feature_sets(self, family: str) -> list[tuple[str, ...]]:
        """Return the feature sets of a family.

        Those of ``embedding`` are each embedding alone, each joined to the pooled features, and everything joined.
        """
        if MODELS[family].input_kind != "embedding":
            return [(POOLED,) if MODELS[family].input_kind == "pooled" else (IMAGE,)]
        alone = [(name,) for name in self.embeddings]
        joined = [(POOLED, *names) for names in alone]
        return [*alone, *joined, *([(POOLED, *self.embeddings)] if len(alone) > 1 else [])]

    def _on_feature_sets(self, candidate: Candidate) -> Iterator[Candidate]:
        for feature_set in self.feature_sets(candidate.family):
            yield replace(candidate, feature_set=feature_set)

    def _own_candidates(self) -> Iterator[Candidate]:
        for model in self.estimators:
            yield Candidate(type(model).__name__, model, spec=self.spec, is_balanced=self.is_balanced)

    def vary_spec(self, changes: Mapping[str, Any]) -> FeatureSpec | None:
        """Return the default spec with changes in the units of :data:`SPEC_VARIANTS`; None where they do not fit."""
        settings = dict(changes)
        if "hop" in settings:
            settings["hop"] = max(1, round(settings["hop"] * self.spec.n_fft))
        if "window_s" in settings:
            if self.spec.window_s is None or not self.vary_window:
                return None
            settings["window_s"] = round(settings["window_s"] * self.spec.window_s, 3)
        try:
            return FeatureSpec(**{**self.spec.model_dump(), **settings})
        except UsageError:
            return None


def spectrum_columns(spec: FeatureSpec) -> tuple[int, ...]:
    """Return the indices of a row's log-mel and cepstrum statistics over the whole window.

    On a few hundred recordings, or a number that changes smoothly with the spectrum, these columns score better than
    all of them.
    """
    return tuple(
        index
        for index, name in enumerate(spec.columns)
        if name.startswith(("mel", "mfcc")) and not any(part in name for part in ("_delta", "_part", "_mod"))
    )


def check_convertible(estimators: Iterable[Estimator], n_columns: int, task: Task) -> None:
    """Fit a user's own estimators to ten rows of noise and convert them, so that a failure costs no training.

    Raises
    ------
    ConversionError : an estimator that does not fit, has no ONNX form, or differs from its graph
    UsageError : an object that is no estimator of this task
    """
    rng = np.random.default_rng(0)
    rows, owner = rng.normal(size=(10, n_columns)).astype(np.float32), np.arange(10)
    truth = owner % 2 if task == "classify" else rng.normal(size=10)
    method = "predict_proba" if task == "classify" else "predict"
    for model in estimators:
        if not (hasattr(model, "fit") and hasattr(model, method)):
            raise UsageError(f"An estimator to {task} with must have `fit` and `{method}`. {model!r} has not.")
        try:
            fitted = fit(Candidate(type(model).__name__, model), rows, truth, owner)
        except Exception as error:  # a user's code may raise anything
            raise ConversionError(
                f"{model!r} must fit rows of {n_columns} columns. On ten of them it raised "
                f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            ) from error
        verify(convert(fitted, n_columns), fitted, rows)
