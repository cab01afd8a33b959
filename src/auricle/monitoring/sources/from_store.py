"""Recordings that were logged: the store's predictions as samples, each version of a model for itself."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.bundles.bundle import Bundle
from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.errors import AuricleError
from auricle.monitoring.sources.sample import Sample
from auricle.store.predictions.scan import MEASURES, Batch
from auricle.store.store import Store

__all__ = ["registered_bundle", "samples_from_store"]

MAX_COLUMNS = 100
"""Names of metadata that are kept, the first ones told."""


def registered_bundle(store: Store, model: str) -> Bundle:
    """Return a bundle from the store's registry.

    Parameters
    ----------
    model : ``name@version``

    Raises
    ------
    MissingError : the registry does not have it
    BundleError : it is damaged, or of another format
    """
    return Bundle.from_bytes(store.models.content(store.models.find(model).digest), source=model)


def samples_from_store(
    batches: Iterable[Batch], registered_bundle: Callable[[str], Bundle]
) -> tuple[dict[str, tuple[Bundle, Sample]], dict[str, AuricleError]]:
    """Return what each version of a model heard and answered, with its bundle, the version first heard first.

    Parameters
    ----------
    batches : from the store's `scan`
    bundle_of : gives the bundle of a ``name@version``

    Returns
    -------
    samples by ``name@version``; and versions that cannot be judged, with the reason. Entries that were logged without
    what is compared are left out
    """
    parts: dict[str, _Parts] = {}
    bundles: dict[str, Bundle] = {}
    failures: dict[str, AuricleError] = {}
    for batch in batches:
        if batch.model not in bundles and batch.model not in failures:
            try:
                bundles[batch.model] = registered_bundle(batch.model)
            except AuricleError as error:
                failures[batch.model] = error
        if batch.model in bundles:
            parts.setdefault(batch.model, _Parts(bundles[batch.model])).add(batch)
    found = {model: (bundles[model], part.sample()) for model, part in parts.items() if part.held}
    return found, failures


@dataclass(slots=True)
class _Parts:
    """Batches of one model, as what a sample is made of: less than half of what they hold."""

    bundle: Bundle
    held: list[dict[str, NDArray[Any]]] = field(default_factory=list)
    names: dict[str, None] = field(default_factory=dict)
    metadata: list[dict[str, NDArray[np.str_]]] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        manifest = self.bundle.manifest
        if batch.standard.shape[1] != len(manifest.standard.columns) or set(batch.classes) != set(manifest.classes):
            return
        order = [batch.classes.index(name) for name in manifest.classes]
        answers = batch.probabilities[:, order] if manifest.classes else batch.values[:, None]
        quality = batch.quality[:, [MEASURES.index(name) for name in QUALITY_COLUMNS]]
        whole = np.isfinite(np.column_stack([batch.standard, answers, quality, batch.novelties])).all(axis=1)
        arrays: dict[str, NDArray[Any]] = {
            "ids": batch.ids,
            "times": batch.times,
            "groups": batch.groups,
            "rows": batch.standard,
            "quality": quality.astype(np.float32),
            "outputs": answers.astype(np.float32),
            "novelty": batch.novelties.astype(np.float32),
            "unknown": batch.unknown,
            "rates_hz": batch.rates_hz,
            "truth": _truth(batch),
            "label_times": batch.truth_times,
        }
        self.held.append({name: values[whole] for name, values in arrays.items()})
        told = [one for one, is_whole in zip(batch.metadata, whole, strict=True) if is_whole]
        self.names |= dict.fromkeys(list(dict.fromkeys(name for one in told for name in one))[:MAX_COLUMNS])
        texts = {name: np.array([_text(one.get(name)) for one in told], str) for name in self.names}
        self.metadata.append(texts)

    def sample(self) -> Sample:
        manifest = self.bundle.manifest
        arrays = {name: np.concatenate([part[name] for part in self.held]) for name in self.held[0]}
        lengths = [len(part["ids"]) for part in self.held]
        metadata = {
            name: np.concatenate(
                [part.get(name, np.full(n, "")) for part, n in zip(self.metadata, lengths, strict=True)]
            )
            for name in self.names
        }
        return Sample(
            model=self.bundle.id,
            classes=manifest.classes,
            columns=manifest.standard.columns,
            metadata=metadata,
            **arrays,
        )


def _truth(batch: Batch) -> NDArray[Any]:
    if not batch.classes:
        return np.asarray(batch.truth, np.float64)
    return np.array([label or "" for label in batch.truth.tolist()], str)


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value).lower()
