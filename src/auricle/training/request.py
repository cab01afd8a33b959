"""Requests for training: parse the families, own estimators and pretrained models to try, and check their needs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auricle.errors import UsageError
from auricle.features.embeddings.embedding import Embedding
from auricle.features.embeddings.presets import PRESETS, available_presets, load_embedding
from auricle.models.family import Estimator
from auricle.models.table import MODELS, family_names
from auricle.training.networks import check_networks, is_torch_installed

__all__ = ["TrainingRequest", "families_for_budget", "load_embeddings", "parse_request"]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingRequest:
    """The models to try.

    Parameters
    ----------
    families : tuple of str
        In the order of ``MODELS``.
    estimators : tuple of Estimator
        A user's own.
    blend : bool
        Whether a blend may be chosen.
    budget_families : tuple of str
        Families to try where the budget allows.
    embeddings : dict of str to Embedding
        Pretrained models by name.
    """

    families: tuple[str, ...]
    estimators: tuple[Estimator, ...]
    blend: bool
    budget_families: tuple[str, ...]
    embeddings: dict[str, Embedding]

    @property
    def has_networks(self) -> bool:
        """Whether a family reads images."""
        return any(MODELS[family].input_kind == "image" for family in (*self.families, *self.budget_families))


def parse_request(
    models: str | Iterable[str | Estimator],
    embeddings: Iterable[str | Embedding] | None,
    *,
    has_budget: bool,
    device: str,
) -> TrainingRequest:
    """Parse the models requested, and check that each can be trained here.

    Parameters
    ----------
    models, embeddings, device
        As in :func:`~auricle.training.train.train`.
    has_budget : bool
        Whether time that the defaults leave goes to further families.

    Raises
    ------
    UsageError : an unknown family, a missing pretrained model, or a network without torch or its device
    ModelError : a pretrained model that does not load
    """
    families, estimators, blend = _split_models(models)
    is_auto = isinstance(models, str) and "auto" in (name.strip() for name in models.split(","))
    pretrained = load_embeddings(families, embeddings, is_auto=is_auto)
    families = tuple(name for name in MODELS if name in families or (name == "embedding" and pretrained))
    check_networks(families, device)
    budget_families = families_for_budget(families) if has_budget and models == "auto" else ()
    return TrainingRequest(
        families=families, estimators=estimators, blend=blend, budget_families=budget_families, embeddings=pretrained
    )


def families_for_budget(families: Sequence[str]) -> tuple[str, ...]:
    """Return the families to try with a budget, besides ``families``; networks only where torch is installed."""
    input_kinds = {"pooled", *(["image"] if is_torch_installed() else [])}
    return tuple(name for name in MODELS if name not in families and MODELS[name].input_kind in input_kinds)


def _split_models(models: str | Iterable[str | Estimator]) -> tuple[tuple[str, ...], tuple[Estimator, ...], bool]:
    """Return the families, a user's own estimators, and whether a blend may be chosen."""
    requested = [models] if isinstance(models, Estimator) else models
    if isinstance(requested, str):
        families, blend = family_names(requested)
        return families, (), blend
    requested = list(requested)
    estimators = tuple(model for model in requested if not isinstance(model, str))
    names = [model for model in requested if isinstance(model, str)]
    families, blend = family_names(names) if names or not estimators else ((), False)
    return families, estimators, blend


def load_embeddings(
    families: Sequence[str], requested: Iterable[str | Embedding] | None, *, is_auto: bool
) -> dict[str, Embedding]:
    """Return the pretrained models of a training by name.

    Parameters
    ----------
    families : sequence of str
        Those requested.
    requested : iterable of str or Embedding, or None
        Pretrained models, or arguments of ``load_embedding``; None takes the presets installed here.
    is_auto : bool
        Whether training chooses the families.

    Raises
    ------
    UsageError : a missing model, two of one name, models that no requested family reads, or ``embedding`` without one
    ModelError : a model that does not load
    """
    is_read = is_auto or "embedding" in families
    if requested is None:
        requested = available_presets() if is_read else ()
    loaded: dict[str, Embedding] = {}
    for model in requested:
        embedding = load_embedding(model) if isinstance(model, str) else model
        if embedding.name in loaded:
            raise UsageError(f"Pretrained models must have different names. Two are called {embedding.name!r}.")
        loaded[embedding.name] = embedding
    if loaded and not is_read:
        raise UsageError(
            f"`models` must be auto or include embedding to use {', '.join(loaded)}. Got {', '.join(families)}."
        )
    if "embedding" in families and not loaded:
        raise UsageError(
            "`models` embedding needs a pretrained model, and none is available. Name one (`embedding`): "
            f"{', '.join(PRESETS)}, or FILE.onnx with its card."
        )
    return loaded
