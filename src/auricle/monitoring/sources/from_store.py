"""Samples from the store's logged predictions, one per model version."""

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
"""Metadata columns that are kept, in order of appearance."""


def registered_bundle(store: Store, model: str) -> Bundle:
    """Return a bundle from the store's registry.

    Parameters
    ----------
    store : Store
    model : str
        ``name@version``.

    Raises
    ------
    MissingError
        The registry does not have it.
    BundleError
        It is damaged, or of another format.
    """
    return Bundle.from_bytes(store.models.content(store.models.find(model).digest), source=model)


def samples_from_store(
    batches: Iterable[Batch], load_bundle: Callable[[str], Bundle]
) -> tuple[dict[str, tuple[Bundle, Sample]], dict[str, AuricleError]]:
    """Return the logged predictions of each model version as a sample, with its bundle, in order of appearance.

    Predictions that were logged without feature rows or quality measures are left out.

    Parameters
    ----------
    batches : iterable of Batch
        From :meth:`~auricle.store.store.Store.scan`.
    load_bundle : callable
        Returns the bundle of a ``name@version``.

    Returns
    -------
    dict of str to (Bundle, Sample)
        By ``name@version``.
    dict of str to AuricleError
        Versions without a readable bundle, with the reason.
    """
    builders: dict[str, _SampleBuilder] = {}
    bundles: dict[str, Bundle] = {}
    failures: dict[str, AuricleError] = {}
    for batch in batches:
        if batch.model not in bundles and batch.model not in failures:
            try:
                bundles[batch.model] = load_bundle(batch.model)
            except AuricleError as error:
                failures[batch.model] = error
        if batch.model in bundles:
            builders.setdefault(batch.model, _SampleBuilder(bundles[batch.model])).add(batch)
    found = {model: (bundles[model], builder.sample()) for model, builder in builders.items() if builder.arrays}
    return found, failures


@dataclass(slots=True)
class _SampleBuilder:
    """Collects the arrays of a sample from batches of one model; batches hold more than twice as much."""

    bundle: Bundle
    arrays: list[dict[str, NDArray[Any]]] = field(default_factory=list)
    names: dict[str, None] = field(default_factory=dict)
    metadata: list[dict[str, NDArray[np.str_]]] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        manifest = self.bundle.manifest
        if batch.standard.shape[1] != len(manifest.standard.columns) or set(batch.classes) != set(manifest.classes):
            return
        order = [batch.classes.index(name) for name in manifest.classes]
        outputs = batch.probabilities[:, order] if manifest.classes else batch.values[:, None]
        quality = batch.quality[:, [MEASURES.index(name) for name in QUALITY_COLUMNS]]
        complete = np.isfinite(np.column_stack([batch.standard, outputs, quality, batch.novelties])).all(axis=1)
        columns: dict[str, NDArray[Any]] = {
            "ids": batch.ids,
            "times": batch.times,
            "groups": batch.groups,
            "told": np.array(["group" in one for one in batch.metadata], np.bool_),
            "rows": batch.standard,
            "quality": quality.astype(np.float32),
            "outputs": outputs.astype(np.float32),
            "novelty": batch.novelties.astype(np.float32),
            "unknown": batch.unknown,
            "rates_hz": batch.rates_hz,
            "truth": _truth(batch),
            "label_times": batch.truth_times,
        }
        self.arrays.append({name: values[complete] for name, values in columns.items()})
        entries = [one for one, is_complete in zip(batch.metadata, complete, strict=True) if is_complete]
        self.names |= dict.fromkeys(list(dict.fromkeys(name for one in entries for name in one))[:MAX_COLUMNS])
        texts = {name: np.array([_text(one.get(name)) for one in entries], str) for name in self.names}
        self.metadata.append(texts)

    def sample(self) -> Sample:
        manifest = self.bundle.manifest
        arrays = {name: np.concatenate([part[name] for part in self.arrays]) for name in self.arrays[0]}
        lengths = [len(part["ids"]) for part in self.arrays]
        if not arrays.pop("told").any() and np.unique(arrays["groups"]).size == 1:
            arrays["groups"] = np.full(sum(lengths), "")  # one key for all: nobody told the sources
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
