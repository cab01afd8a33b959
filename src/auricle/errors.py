"""Every error that auricle raises on purpose, as one tree.

::

    AuricleError
    ├── UsageError        a setting or argument that is out of range, unknown, or contradicts another
    ├── AudioError        sound that cannot be read or used: not sound, truncated, not finite, too short
    ├── FeatureError      a window that has no features under this spec
    ├── DataError         a data set with unusable files, labels or targets
    │   └── SplitError    groups or folds that cannot be split without leakage
    ├── ModelError        an estimator that cannot be fitted or used
    │   └── ConversionError   an estimator that cannot be converted, or that differs from its ONNX graph
    ├── BundleError       a bundle that is damaged, of another program, or fails its self-test
    ├── ExportError       a bundle that cannot be exported, or that differs from its exported graph
    ├── ClusterError      a cluster that cannot be reached, or fails during a run
    ├── StoreError        a store that cannot be reached, is locked or full, or is of a newer version
    ├── MissingError      a missing model, prediction, key or other named thing
    ├── ConflictError     a change that another client made first, or a name already taken
    ├── OutputError       a path that cannot be written
    ├── RequestError      a request that the server refuses: credentials, path, size or rate
    └── WorkerError       a worker process that died, or could not start

A message is one or two sentences: the requirement, the value given, the file, and the remedy.
``kind`` is the error's name in JSON: in a row of ``predict`` and in an HTTP response.
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
    """The root of all errors that auricle raises on purpose."""

    kind: ClassVar[str] = "error"

    def as_json(self) -> dict[str, str]:
        """Return ``{"kind", "message"}``, the one JSON shape of an error."""
        return {"kind": self.kind, "message": str(self)}


class UsageError(AuricleError):
    """A setting or argument that is out of range, unknown, or contradicts another."""

    kind = "usage"


class AudioError(AuricleError):
    """Sound that cannot be read or used: not sound, truncated, not finite, too short."""

    kind = "audio"


class FeatureError(AuricleError):
    """A window that has no features under this spec."""

    kind = "feature"


class DataError(AuricleError):
    """A data set with unusable files, labels or targets."""

    kind = "data"


class SplitError(DataError):
    """Groups or folds that cannot be split without leakage."""

    kind = "split"


class ModelError(AuricleError):
    """An estimator that cannot be fitted or used."""

    kind = "model"


class ConversionError(ModelError):
    """An estimator that cannot be converted, or that differs from its ONNX graph."""

    kind = "conversion"


class BundleError(AuricleError):
    """A bundle that is damaged, of another program, or fails its self-test."""

    kind = "bundle"


class ExportError(AuricleError):
    """A bundle that cannot be exported, or that differs from its exported graph."""

    kind = "export"


class ClusterError(AuricleError):
    """A cluster that cannot be reached, or fails during a run."""

    kind = "cluster"


class StoreError(AuricleError):
    """A store that cannot be reached, is locked or full, or is of a newer version."""

    kind = "store"


class MissingError(AuricleError):
    """A missing model, prediction, key or other named thing."""

    kind = "missing"


class ConflictError(AuricleError):
    """A change that another client made first, or a name already taken."""

    kind = "conflict"


class OutputError(AuricleError):
    """A path that cannot be written."""

    kind = "output"


class RequestError(AuricleError):
    """A request that the server refuses: credentials, path, size or rate.

    Parameters
    ----------
    message : str
    reason : str
        The error's name in JSON, such as ``not_found``; it decides the status of the response.
    retry_after_s : float or None
        Seconds after which the same request may succeed, if known.
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
    """A worker process that died, or could not start."""

    kind = "worker"
