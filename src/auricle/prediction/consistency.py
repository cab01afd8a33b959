"""One file, answered in every way that there is: how far the answers lie apart."""

import json
import mimetypes
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from auricle.audio.decode import read
from auricle.bundles.graph import Graph
from auricle.errors import AuricleError, UsageError
from auricle.prediction.bulk.batch import map_files
from auricle.prediction.bulk.inputs import expand
from auricle.prediction.bulk.worker_pool import map_files_in_workers
from auricle.prediction.predictor import Predictor
from auricle.prediction.stream import Stream
from auricle.records import Prediction

__all__ = ["TOLERANCE", "Consistency", "Route", "compare"]

TOLERANCE = 1e-6
"""Largest difference of a probability, or of a number relative to its size."""

_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Route:
    """How one way of answering compares with the file, answered window by window.

    Parameters
    ----------
    name : file, stream, folder, worker or server
    n_windows : windows that it told; a server may tell the recording alone
    features : largest difference of a feature; None where the way does not show them
    probabilities : largest difference of a probability, or of a number relative to its size
    labels : answers whose label differs, the recording's among them
    problem : why there is nothing to compare
    """

    name: str
    n_windows: int = 0
    features: float | None = None
    probabilities: float = 0.0
    labels: int = 0
    problem: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether features are the same to the last bit, probabilities within ``TOLERANCE`` and labels equal."""
        return self.problem is None and not self.features and self.probabilities <= TOLERANCE and self.labels == 0


@dataclass(frozen=True, slots=True)
class Consistency:
    """Every way, beside the file itself."""

    file: str
    model: str
    routes: tuple[Route, ...]

    @property
    def agrees(self) -> bool:
        """Whether all ways do."""
        return all(route.agrees for route in self.routes)

    def as_json(self) -> dict[str, Any]:
        """Return what ``auricle doctor --json`` prints."""
        routes = [{**asdict(route), "agrees": route.agrees} for route in self.routes]
        return {"file": self.file, "model": self.model, "agrees": self.agrees, "tolerance": TOLERANCE, "ways": routes}


def compare(
    model: Predictor, file: Path, *, server: str | None = None, key: str | None = None, seed: int = 0
) -> Consistency:
    """Answer a file as a file, as a stream of random blocks, in a folder, in a worker process and by a server.

    Rows and answers of all windows are held; a file of some minutes tells as much as one of a day.

    Parameters
    ----------
    server : address of a server that holds the same model, such as http://127.0.0.1:8000
    key : what the server lets us in by
    seed : of the sizes of the blocks

    Raises
    ------
    AudioError : the file cannot be read
    FeatureError : it is shorter than one frame
    UsageError : ``server`` is not an address that begins with http:// or https://
    """
    if server is not None and not server.startswith(("http://", "https://")):
        raise UsageError(f"`server` must be an address such as http://127.0.0.1:8000. Got {server!r}.")
    expected = _as_file(model, file)
    again = _Answers(expected.rows, expected.windows, model.predict(file))
    routes = [_way("file", expected, again)]
    others: dict[str, Callable[[], Iterator[_Answers]]] = {
        "stream": lambda: _as_stream(model, file, seed),
        "folder": lambda: _in_folder(model, file),
        "worker": lambda: _in_worker(model, file),
    }
    if server is not None:
        address = server.rstrip("/")
        others["server"] = lambda: _by_server(model, file, address, key)
    for name, run in others.items():
        try:
            found = [_way(name, expected, got) for got in run()]
        except (AuricleError, _Unanswered) as error:
            routes.append(Route(name, problem=str(error)))
        else:
            routes.append(max(found, key=lambda route: (route.labels, route.features or 0.0, route.probabilities)))
    return Consistency(str(file), model.name, tuple(routes))


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """What one way gave; rows None where it does not show them."""

    rows: NDArray[np.float32] | None
    windows: list[Prediction]
    recording: Prediction


class _Unanswered(Exception):  # noqa: N818  (caught here)
    """A server gave no answer that can be compared."""


class _Noting:
    """A graph that notes the rows that it is asked about."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.rows: list[NDArray[np.float32]] = []

    def predict(self, rows: NDArray[np.float32], *more: Any) -> Any:
        self.rows += list(rows)
        return self._graph.predict(rows, *more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._graph, name)


def _noting(model: Predictor) -> tuple[Predictor, _Noting]:
    graph = _Noting(model.graph)
    return Predictor(replace(model.loaded, graph=cast("Graph", graph))), graph


def _as_file(model: Predictor, file: Path) -> _Answers:
    twin, graph = _noting(model)
    recording, windows = twin.answers(file)
    return _Answers(np.stack(graph.rows), windows, recording)


def _pieces(model: Predictor, file: Path) -> Iterator[_Answers | str]:
    try:
        yield _as_file(model, file)
    except AuricleError as error:
        yield str(error)


def _as_stream(model: Predictor, file: Path, seed: int) -> Iterator[_Answers]:
    clip, rng = read(file), np.random.default_rng(seed)
    cuts = np.unique(rng.integers(0, clip.samples.size + 1, 1 + clip.samples.size // 2000))
    twin, graph = _noting(model)
    stream = Stream(twin.loaded, rate_hz=clip.rate_hz, source=str(file))
    windows = [window for some in stream.iter_windows(np.split(clip.samples, cuts)) for window in some]
    yield _Answers(np.stack(graph.rows), windows, stream.recording())


def _in_folder(model: Predictor, file: Path) -> Iterator[_Answers]:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("one.wav", "two.wav"):  # what they are, their content says
            Path(folder, name).symlink_to(file.resolve())
        for _, (got, *_), _ in map_files(model, expand([folder]), _pieces, _list):
            yield _told(got)


def _in_worker(model: Predictor, file: Path) -> Iterator[_Answers]:
    for _, pieces, died in map_files_in_workers(model.bundle, [file], _pieces, _list, workers=1):
        if died is not None:
            raise died
        yield _told(pieces[0])


def _list() -> list[Any]:
    return []


def _told(got: _Answers | str) -> _Answers:
    if isinstance(got, str):
        raise _Unanswered(got)
    return got


def _by_server(model: Predictor, file: Path, address: str, key: str | None) -> Iterator[_Answers]:
    headers = {"Content-Type": mimetypes.guess_type(file.name)[0] or "application/octet-stream"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(  # noqa: S310  (http and https only, see `compare`)
        f"{address}/v1/predictions?windows=true", data=file.read_bytes(), headers=headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as reply:  # noqa: S310
            told = json.loads(reply.read())
    except urllib.error.HTTPError as error:
        raise _Unanswered(f"{address} answered {error.code}: {error.read()[:300].decode(errors='replace')}") from error
    except (OSError, ValueError) as error:  # URLError is an OSError
        raise _Unanswered(f"{address} cannot be asked: {getattr(error, 'reason', error)}.") from error
    try:
        if told["model"] != model.name:
            raise _Unanswered(f"{address} answers by {told['model']}, not by {model.name}: serve the same model.")
        predictions = [_prediction(row, told["model"]) for row in told["predictions"]]
        (recording,) = (p for p in predictions if p.level == "recording")
    except (KeyError, TypeError, ValueError) as error:
        raise _Unanswered(f"{address} must answer with a recording's prediction. It told {str(told)[:200]}.") from error
    yield _Answers(None, [p for p in predictions if p.level == "window"], recording)


def _prediction(row: dict[str, Any], model: str) -> Prediction:
    return Prediction(
        row["level"],
        row["start_s"],
        row["end_s"],
        model,
        label=row.get("label"),
        value=row.get("value"),
        probabilities=row.get("probabilities"),
    )


def _way(name: str, expected: _Answers, got: _Answers) -> Route:
    """Compare one way's answers with the file's."""
    if got.windows and len(got.windows) != len(expected.windows):
        return Route(
            name, len(got.windows), problem=f"it has {len(got.windows)} windows, and the file {len(expected.windows)}"
        )
    windows = expected.windows if got.windows else []
    pairs = [(expected.recording, got.recording), *zip(windows, got.windows, strict=True)]
    features = None
    if got.rows is not None and expected.rows is not None:
        features = float(np.abs(got.rows - expected.rows).max())
    return Route(
        name,
        len(got.windows),
        features=features,
        probabilities=max(_apart(one, other) for one, other in pairs),
        labels=sum(one.label != other.label for one, other in pairs),
    )


def _apart(one: Prediction, other: Prediction) -> float:
    if one.value is not None and other.value is not None:
        return abs(one.value - other.value) / max(1.0, abs(one.value))
    known, told = one.probabilities or {}, other.probabilities or {}
    return max((abs(p - told.get(name, float("inf"))) for name, p in known.items()), default=float("inf"))
