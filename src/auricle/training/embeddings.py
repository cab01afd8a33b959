"""Which pretrained models a training reads: those that were named, or those at hand."""

from collections.abc import Iterable, Sequence

from auricle.errors import UsageError
from auricle.features.embedding import Embedding
from auricle.features.pretrained import PRESETS, at_hand, load_embedding

__all__ = ["embeddings_for"]


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
        wanted = at_hand() if is_read else ()
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
