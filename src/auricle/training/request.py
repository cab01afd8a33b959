"""What was asked of a training: families, estimators of one's own, pretrained models, and what time may buy beside."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auricle.errors import UsageError
from auricle.features.embeddings.embedding import Embedding
from auricle.features.embeddings.presets import PRESETS, available_presets, load_embedding
from auricle.models.family import Estimator
from auricle.models.table import MODELS, family_names
from auricle.training.networks import are_within_reach, check_networks

__all__ = ["TrainingRequest", "embeddings_for", "further_families", "training_request"]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingRequest:
    """What may be tried.

    Parameters
    ----------
    families : in the table's order
    own : estimators that a user made
    blend : whether a blend may be made
    more : families that are tried where there is time for them
    embeddings : pretrained models by their names
    """

    families: tuple[str, ...]
    own: tuple[Estimator, ...]
    blend: bool
    more: tuple[str, ...]
    embeddings: dict[str, Embedding]

    @property
    def has_networks(self) -> bool:
        """Whether any family reads images."""
        return any(MODELS[family].input_kind == "image" for family in (*self.families, *self.more))


def training_request(
    models: str | Iterable[str | Estimator],
    embeddings: Iterable[str | Embedding] | None,
    *,
    has_budget: bool,
    device: str,
) -> TrainingRequest:
    """Sort what was asked for, and hold that it can be had here, before anything is computed.

    Parameters
    ----------
    models, embeddings, device : as in :func:`~auricle.training.train.train`
    has_budget : whether what the defaults leave of a time goes to more families

    Raises
    ------
    UsageError : an unknown family, a pretrained model that is not there, or a network without torch or its device
    ModelError : a pretrained model that does not load
    """
    families, own, blend = _sorted(models)
    is_auto = isinstance(models, str) and "auto" in (name.strip() for name in models.split(","))
    pretrained = embeddings_for(families, embeddings, is_auto=is_auto)
    families = tuple(name for name in MODELS if name in families or (name == "embedding" and pretrained))
    check_networks(families, device)
    more = further_families(families) if has_budget and models == "auto" else ()
    return TrainingRequest(families=families, own=own, blend=blend, more=more, embeddings=pretrained)


def further_families(families: Sequence[str]) -> tuple[str, ...]:
    """Return the families that a budget may buy beside those that are tried anyway."""
    design_matrix = {"pooled", *(["image"] if are_within_reach() else [])}
    return tuple(name for name in MODELS if name not in families and MODELS[name].input_kind in design_matrix)


def _sorted(models: str | Iterable[str | Estimator]) -> tuple[tuple[str, ...], tuple[Estimator, ...], bool]:
    """Sort into families, a user's own estimators, and whether a blend may be made."""
    wanted = [models] if isinstance(models, Estimator) else models
    if isinstance(wanted, str):
        families, blend = family_names(wanted)
        return families, (), blend
    wanted = list(wanted)
    own = tuple(one for one in wanted if not isinstance(one, str))
    names = [one for one in wanted if isinstance(one, str)]
    families, blend = family_names(names) if names or not own else ((), False)
    return families, own, blend


def embeddings_for(
    families: Sequence[str], wanted: Iterable[str | Embedding] | None, *, is_auto: bool
) -> dict[str, Embedding]:
    """Return the pretrained models of a training by their names.

    Parameters
    ----------
    families : that were asked for
    wanted : models, or what loads them; None for those at hand
    is_auto : whether the families were left to training

    Raises
    ------
    UsageError : a model that is not there; two of one name; models that no family asked for reads; or the family
        without a model
    ModelError : a model that does not load
    """
    is_read = is_auto or "embedding" in families
    if wanted is None:
        wanted = available_presets() if is_read else ()
    found: dict[str, Embedding] = {}
    for one in wanted:
        loaded = load_embedding(one) if isinstance(one, str) else one
        if loaded.name in found:
            raise UsageError(f"Every pretrained model must have another name. Two are called {loaded.name!r}.")
        found[loaded.name] = loaded
    if found and not is_read:
        raise UsageError(
            f"`models` must be auto, or name embedding, for {', '.join(found)} to be read. Got {', '.join(families)}."
        )
    if "embedding" in families and not found:
        raise UsageError(
            f"`models` embedding needs a pretrained model, and none is at hand. Name one (`embedding`): "
            f"{', '.join(PRESETS)}, or FILE.onnx with its card."
        )
    return found
