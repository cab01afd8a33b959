"""What is offered to a search: families, their settings, and the features that they eat, from cheap to dear."""

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

__all__ = ["VARIANTS", "SearchSpace", "check_convertible", "spectrum"]

VARIANTS: dict[str, tuple[Any, ...]] = {
    "parts": (1, 2, 8),
    "n_mels": (24, 64),
    "hop": (0.5, 0.125),
    "trim_db": (None, 50.0),
    "window_s": (0.5, 0.25),
}
"""Features that may be tried in place of the default ones: ``hop`` is a part of a frame, ``window_s`` a part of the
default window."""

_JUDGES = ("linear", "svm")


@dataclass(frozen=True, slots=True, eq=False)
class SearchSpace:
    """What may be tried in one training.

    Parameters
    ----------
    models : families, in the order of the table
    own : estimators that a user made
    task : what is learned
    spec : the default features
    seed : of every estimator
    vary_window : whether the length of a window may be changed
    is_balanced : whether every class weighs the same in a fit
    more : families that are tried only where there is time for them
    embeddings : names of the pretrained models that there are
    networks : settings of networks that are not a matter of choice: the size of images, the device
    """

    models: Sequence[str]
    own: Sequence[Estimator]
    task: Task
    spec: FeatureSpec
    seed: int = 0
    vary_window: bool = False
    is_balanced: bool = False
    more: Sequence[str] = ()
    embeddings: Sequence[str] = ()
    networks: Mapping[str, Any] = field(default_factory=dict)

    def defaults(self) -> Iterator[Candidate]:
        """Yield each family with its default settings, and a user's own estimators."""
        few = spectrum(self.spec)
        for family in self.models:
            yield from self._served(self.candidate(family, {}, self.spec))
            if family == "linear" and 0 < len(few) < len(self.spec.columns):
                whole = self.candidate(family, {}, self.spec)
                yield replace(whole, settings={"columns": "spectrum"}, columns=few)
        yield from self._own()

    def grids(self) -> Iterator[Candidate]:
        """Yield each family with every combination of its grid, and a user's own estimators as they are."""
        for family in (*self.models, *self.more):
            options = grid(family, self.task)
            for values in product(*options.values()):
                yield from self._served(self.candidate(family, dict(zip(options, values, strict=True)), self.spec))
        yield from self._own()

    def further(self) -> Iterator[Candidate]:
        """Yield what a budget buys after the defaults: other features, one setting at a time, then families and grids.

        Features are tried with the families that answer fastest what they are worth.
        """
        for name, values in VARIANTS.items():
            for value in values:
                spec = self.varied({name: value})
                if spec is None or spec == self.spec:
                    continue
                pooled = [family for family in self.models if MODELS[family].input_kind == "pooled"]
                for family in [name for name in _JUDGES if name in pooled] or pooled[:1]:
                    yield replace(self.candidate(family, {}, spec), settings={name: getattr(spec, name)})
        for family in self.more:
            yield from self._served(self.candidate(family, {}, self.spec))
        usual = {family: estimator(family, self.task, self.seed).get_params() for family in (*self.models, *self.more)}
        for candidate in self.grids():
            if any(usual[candidate.family][name] != value for name, value in candidate.settings.items()):
                yield candidate

    def candidate(self, family: str, settings: Mapping[str, Any], spec: FeatureSpec) -> Candidate:
        """Return a family with some of scikit-learn's settings."""
        made = estimator(family, self.task, self.seed)
        given = self.networks if MODELS[family].input_kind == "image" else {}
        made.set_params(**given, **settings)
        parts = self.feature_sets(family)[0]
        return Candidate(family, made, settings, spec=spec, parts=parts, is_balanced=self.is_balanced)

    def feature_sets(self, family: str) -> list[tuple[str, ...]]:
        """Return what a family's rows may be made of.

        Each embedding alone, each with pooled features beside it, and everything together.
        """
        if MODELS[family].input_kind != "embedding":
            return [(POOLED,) if MODELS[family].input_kind == "pooled" else (IMAGE,)]
        alone = [(name,) for name in self.embeddings]
        beside = [(POOLED, *names) for names in alone]
        return [*alone, *beside, *([(POOLED, *self.embeddings)] if len(alone) > 1 else [])]

    def _served(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield a candidate with everything that its family may eat."""
        for parts in self.feature_sets(candidate.family):
            yield replace(candidate, parts=parts)

    def _own(self) -> Iterator[Candidate]:
        for made in self.own:
            yield Candidate(type(made).__name__, made, {}, self.spec, is_balanced=self.is_balanced)

    def varied(self, changes: Mapping[str, Any]) -> FeatureSpec | None:
        """Return the default features with changes as :data:`VARIANTS` writes them, or None where they do not fit."""
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


def spectrum(spec: FeatureSpec) -> tuple[int, ...]:
    """Return the places of a row's log-mel and cepstrum statistics over the whole window, and of nothing else.

    A few hundred recordings, or a number that changes smoothly with a sound's spectrum, are served better by these
    columns than by all of them.
    """
    return tuple(
        place
        for place, name in enumerate(spec.columns)
        if name.startswith(("mel", "mfcc")) and not any(part in name for part in ("_delta", "_part", "_mod"))
    )


def check_convertible(own: Iterable[Estimator], n_columns: int, task: Task) -> None:
    """Fit a user's own estimators on ten rows of noise, and convert them: before the training, not after it.

    Raises
    ------
    ConversionError : an estimator that cannot be fitted so, has no ONNX form, or whose graph answers otherwise
    UsageError : what is no estimator of this task
    """
    rng = np.random.default_rng(0)
    rows, owner = rng.normal(size=(10, n_columns)).astype(np.float32), np.arange(10)
    truth = owner % 2 if task == "classify" else rng.normal(size=10)
    for made in own:
        asked = "predict_proba" if task == "classify" else "predict"
        if not (hasattr(made, "fit") and hasattr(made, asked)):
            raise UsageError(f"An estimator to {task} with must have `fit` and `{asked}`. {made!r} has not.")
        try:
            fitted = fit(Candidate(type(made).__name__, made), rows, truth, owner)
        except Exception as error:  # a user's code raises what it likes
            raise ConversionError(
                f"{made!r} must learn from rows of {n_columns} columns. On ten of them it raised "
                f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            ) from error
        verify(convert(fitted, n_columns), fitted, rows)
