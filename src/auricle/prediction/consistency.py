"""Compare the predictions of one file by every route: file, stream, folder, worker process and server."""

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
"""Largest allowed difference of a probability, or of a number relative to its size."""

_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Route:
    """Differences of one route's predictions from those of the file, window by window.

    Parameters
    ----------
    name : str
        file, stream, folder, worker or server
    n_windows : int
        Predicted windows; a server may return the recording alone.
    features : float, optional
        Largest difference of a feature; None if the route does not return features.
    probabilities : float
        Largest difference of a probability, or of a number relative to its size.
    labels : int
        Predictions with another label, the recording's included.
    problem : str, optional
        Why predictions could not be compared.
    """

    name: str
    n_windows: int = 0
    features: float | None = None
    probabilities: float = 0.0
    labels: int = 0
    problem: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether features are equal to the last bit, probabilities within ``TOLERANCE`` and labels equal."""
        return self.problem is None and not self.features and self.probabilities <= TOLERANCE and self.labels == 0


@dataclass(frozen=True, slots=True)
class Consistency:
    """Differences of all routes from the file."""

    file: str
    model: str
    routes: tuple[Route, ...]

    @property
    def agrees(self) -> bool:
        """Whether all routes agree."""
        return all(route.agrees for route in self.routes)

    def as_json(self) -> dict[str, Any]:
        """Return what ``auricle doctor --json`` prints."""
        routes = [{**asdict(route), "agrees": route.agrees} for route in self.routes]
        return {"file": self.file, "model": self.model, "agrees": self.agrees, "tolerance": TOLERANCE, "ways": routes}


def compare(
    model: Predictor, file: Path, *, server: str | None = None, key: str | None = None, seed: int = 0
) -> Consistency:
    """Predict a file as a file, as a stream of random blocks, in a folder, in a worker process and by a server.

    Rows and predictions of all windows are held in memory: a file of some minutes is enough.

    Parameters
    ----------
    model : Predictor
    file : Path
    server : str, optional
        Address of a server that serves the same model, such as http://127.0.0.1:8000.
    key : str, optional
        API key of the server.
    seed : int
        Seed of the block sizes.

    Raises
    ------
    AudioError : the file cannot be read
    FeatureError : the sound is shorter than one frame
    UsageError : ``server`` is not an address that begins with http:// or https://
    """
    if server is not None and not server.startswith(("http://", "https://")):
        raise UsageError(f"`server` must be an address such as http://127.0.0.1:8000. Got {server!r}.")
    expected = _as_file(model, file)
    repeated = _Outputs(expected.rows, expected.windows, model.predict(file))
    routes = [_compare_route("file", expected, repeated)]
    others: dict[str, Callable[[], Iterator[_Outputs]]] = {
        "stream": lambda: _as_stream(model, file, seed),
        "folder": lambda: _in_folder(model, file),
        "worker": lambda: _in_worker(model, file),
    }
    if server is not None:
        address = server.rstrip("/")
        others["server"] = lambda: _by_server(model, file, address, key)
    for name, run in others.items():
        try:
            found = [_compare_route(name, expected, outputs) for outputs in run()]
        except (AuricleError, _NoPredictionError) as error:
            routes.append(Route(name, problem=str(error)))
        else:
            routes.append(max(found, key=lambda route: (route.labels, route.features or 0.0, route.probabilities)))
    return Consistency(str(file), model.name, tuple(routes))


@dataclass(frozen=True, slots=True, eq=False)
class _Outputs:
    """Rows and predictions of one route; rows are None if it does not return them."""

    rows: NDArray[np.float32] | None
    windows: list[Prediction]
    recording: Prediction


class _NoPredictionError(Exception):
    """A route returned no prediction that can be compared."""


class _RecordingGraph:
    """Graph that records its input rows."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.rows: list[NDArray[np.float32]] = []

    def predict(self, rows: NDArray[np.float32], *more: Any) -> Any:
        self.rows += list(rows)
        return self._graph.predict(rows, *more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._graph, name)


def _with_recording_graph(model: Predictor) -> tuple[Predictor, _RecordingGraph]:
    graph = _RecordingGraph(model.graph)
    return Predictor(replace(model.loaded, graph=cast("Graph", graph))), graph


def _as_file(model: Predictor, file: Path) -> _Outputs:
    recorded, graph = _with_recording_graph(model)
    recording, windows = recorded.answers(file)
    return _Outputs(np.stack(graph.rows), windows, recording)


def _outputs_or_error(model: Predictor, file: Path) -> Iterator[_Outputs | str]:
    try:
        yield _as_file(model, file)
    except AuricleError as error:
        yield str(error)


def _as_stream(model: Predictor, file: Path, seed: int) -> Iterator[_Outputs]:
    clip, rng = read(file), np.random.default_rng(seed)
    cuts = np.unique(rng.integers(0, clip.samples.size + 1, 1 + clip.samples.size // 2000))
    recorded, graph = _with_recording_graph(model)
    stream = Stream(recorded.loaded, rate_hz=clip.rate_hz, source=str(file))
    windows = [window for batch in stream.iter_windows(np.split(clip.samples, cuts)) for window in batch]
    yield _Outputs(np.stack(graph.rows), windows, stream.recording())


def _in_folder(model: Predictor, file: Path) -> Iterator[_Outputs]:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("one.wav", "two.wav"):  # readers look at the content, not at the suffix
            Path(folder, name).symlink_to(file.resolve())
        for _, (result, *_), _ in map_files(model, expand([folder]).files, _outputs_or_error, _new_list):
            yield _raise_error(result)


def _in_worker(model: Predictor, file: Path) -> Iterator[_Outputs]:
    for _, results, error in map_files_in_workers(model.bundle, [file], _outputs_or_error, _new_list, workers=1):
        if error is not None:
            raise error
        yield _raise_error(results[0])


def _new_list() -> list[Any]:
    return []


def _raise_error(result: _Outputs | str) -> _Outputs:
    if isinstance(result, str):
        raise _NoPredictionError(result)
    return result


def _by_server(model: Predictor, file: Path, address: str, key: str | None) -> Iterator[_Outputs]:
    headers = {"Content-Type": mimetypes.guess_type(file.name)[0] or "application/octet-stream"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(  # noqa: S310  (http and https only, see `compare`)
        f"{address}/v1/predictions?windows=true", data=file.read_bytes(), headers=headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as reply:  # noqa: S310
            response = json.loads(reply.read())
    except urllib.error.HTTPError as error:
        body = error.read()[:300].decode(errors="replace")
        raise _NoPredictionError(f"{address} responded with status {error.code}: {body}") from error
    except (OSError, ValueError) as error:  # URLError is an OSError
        raise _NoPredictionError(f"{address} does not respond: {getattr(error, 'reason', error)}.") from error
    try:
        if response["model"] != model.name:
            raise _NoPredictionError(
                f"{address} must serve {model.name}. It serves {response['model']}: serve the same model."
            )
        predictions = [_prediction(row, response["model"]) for row in response["predictions"]]
        (recording,) = (p for p in predictions if p.level == "recording")
    except (KeyError, TypeError, ValueError) as error:
        raise _NoPredictionError(
            f"{address} must respond with a recording's prediction. It responded {str(response)[:200]}."
        ) from error
    yield _Outputs(None, [p for p in predictions if p.level == "window"], recording)


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


def _compare_route(name: str, expected: _Outputs, got: _Outputs) -> Route:
    """Compare one route's outputs with the file's."""
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
        probabilities=max(_difference(one, other) for one, other in pairs),
        labels=sum(one.label != other.label for one, other in pairs),
    )


def _difference(one: Prediction, other: Prediction) -> float:
    if one.value is not None and other.value is not None:
        return abs(one.value - other.value) / max(1.0, abs(one.value))
    expected, got = one.probabilities or {}, other.probabilities or {}
    return max((abs(p - got.get(name, float("inf"))) for name, p in expected.items()), default=float("inf"))
