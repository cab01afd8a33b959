"""All that a model eats of a window, and its standard row, as ONNX nodes."""

from collections.abc import Callable
from functools import partial

from auricle.bundles.bundle import Bundle
from auricle.errors import ExportError
from auricle.export.draft import Draft, Value
from auricle.export.image import image
from auricle.export.rows import Row, row
from auricle.features.image import Image
from auricle.features.parts import IMAGE, POOLED
from auricle.features.spec import FeatureSpec

__all__ = ["eaten", "pooled"]


def pooled(spec: FeatureSpec) -> Row:
    """Return how the row of a spec is written."""
    return Row(partial(row, spec=spec), len(spec.columns))


def eaten(bundle: Bundle) -> Row:
    """Return how the row that a bundle's model eats is written, part after part.

    Raises
    ------
    ExportError : a part is an embedding, or an image at another rate than the windows'
    """
    manifest = bundle.manifest
    known = {POOLED: pooled(manifest.spec)}
    if manifest.image is not None:
        if manifest.image.rate_hz != manifest.spec.rate_hz:
            raise ExportError(
                f"{bundle.id}: images must be at the rate of the windows, {manifest.spec.rate_hz} Hz, to be exported. "
                f"These are at {manifest.image.rate_hz} Hz."
            )
        known[IMAGE] = Row(partial(image, spec=manifest.image), len(Image(manifest.image).columns))
    if unknown := [name for name in manifest.parts if name not in known]:
        raise ExportError(
            f"{bundle.id}: a model must read pooled features or images to be exported. This one reads the embedding "
            f"{unknown[0]}: use the bundle, or train without `embedding`."
        )
    parts = [known[name] for name in manifest.parts]
    return Row(partial(_joined, writes=[part.write for part in parts]), sum(part.n_columns for part in parts))


def _joined(draft: Draft, samples: Value, *, writes: list[Callable[[Draft, Value], Value]]) -> Value:
    return draft.node("Concat", *(write(draft, samples) for write in writes), axis=0)
