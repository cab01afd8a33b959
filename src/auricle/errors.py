"""Every error that auricle raises on purpose, as one tree.

::

    AuricleError
    ├── UsageError        a setting or argument is out of its range, unknown, or contradicts another
    ├── AudioError        sound that cannot be read or used: not sound, truncated, not finite, too short
    ├── FeatureError      a window that cannot become numbers under this spec
    ├── DataError         a data set whose files, labels or targets cannot be used
    │   └── SplitError    groups or folds that cannot be split without a leak
    ├── ModelError        an estimator that cannot be fitted or used
    │   └── ConversionError   an estimator whose ONNX graph fails or differs from it
    ├── BundleError       a bundle that is damaged, foreign, or fails its own test
    ├── ExportError       a bundle that cannot become one graph, or whose graph differs from it
    ├── ClusterError      a cluster that cannot be reached, or that fails at its work
    ├── StoreError        a store that cannot be reached, is locked or full, or is of a newer version
    ├── MissingError      something asked for by its name that is not there
    ├── ConflictError     a change that somebody else made first, or a name that is taken
    ├── OutputError       a place that cannot be written
    ├── RequestError      a request that the server refuses: who asks, for what, how much, how often
    └── WorkerError       a process of ours that died over its work, or could not start

A message is one sentence or two: what must hold, what was got, which file, what to do.
``kind`` is the error's name in JSON: in a row of ``predict`` and in an HTTP answer.
"""

from typing import ClassVar

__all__ = [
    "AudioError",
    "AuricleError",
    "BundleError",
    "ClusterError",
    "ConflictError",
    "ConversionError",
    "DataError",
    "ExportError",
    "FeatureError",
    "MissingError",
    "ModelError",
    "OutputError",
    "RequestError",
    "SplitError",
    "StoreError",
    "UsageError",
    "WorkerError",
]


class AuricleError(Exception):
    """The root: catch this to catch all that auricle raises on purpose."""

    kind: ClassVar[str] = "error"

    def as_json(self) -> dict[str, str]:
        """Return ``{"kind", "message"}``, the one JSON shape of an error."""
        return {"kind": self.kind, "message": str(self)}


class UsageError(AuricleError):
    """A setting or argument is out of its range, unknown, or contradicts another."""

    kind = "usage"


class AudioError(AuricleError):
    """Sound that cannot be read or used: not sound, truncated, not finite, too short."""

    kind = "audio"


class FeatureError(AuricleError):
    """A window that cannot become numbers under this spec."""

    kind = "feature"


class DataError(AuricleError):
    """A data set whose files, labels or targets cannot be used."""

    kind = "data"


class SplitError(DataError):
    """Groups or folds that cannot be split without a leak."""

    kind = "split"


class ModelError(AuricleError):
    """An estimator that cannot be fitted or used."""

    kind = "model"


class ConversionError(ModelError):
    """An estimator whose ONNX graph fails or differs from it."""

    kind = "conversion"


class BundleError(AuricleError):
    """A bundle that is damaged, foreign, or fails its own test."""

    kind = "bundle"


class ExportError(AuricleError):
    """A bundle that cannot become one graph, or whose graph differs from it."""

    kind = "export"


class ClusterError(AuricleError):
    """A cluster that cannot be reached, or that fails at its work."""

    kind = "cluster"


class StoreError(AuricleError):
    """A store that cannot be reached, is locked or full, or is of a newer version."""

    kind = "store"


class MissingError(AuricleError):
    """Something asked for by its name that is not there."""

    kind = "missing"


class ConflictError(AuricleError):
    """A change that somebody else made first, or a name that is taken."""

    kind = "conflict"


class OutputError(AuricleError):
    """A place that cannot be written."""

    kind = "output"


class RequestError(AuricleError):
    """A request that the server refuses: who asks, for what, how much, how often.

    Parameters
    ----------
    message : what must hold, what was got, what to do
    reason : the error's name in JSON, such as ``not_found``; it decides the status of the reply
    retry_after_s : when the same request may be taken, if that is known
    """

    kind = "request"

    def __init__(self, message: str, *, reason: str = "request", retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after_s = retry_after_s

    def as_json(self) -> dict[str, str]:
        """Return ``{"kind", "message"}``, with the reason as its kind."""
        return {"kind": self.reason, "message": str(self)}


class WorkerError(AuricleError):
    """A process of ours that died over its work, or could not start."""

    kind = "worker"
