"""MLflow loader of an unzipped bundle: ``mlflow.pyfunc.load_model(folder).predict(["new.wav"])``."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auricle.bundles import container
from auricle.bundles.bundle import Bundle

if TYPE_CHECKING:
    from auricle.prediction.predictor import Predictor

__all__ = ["SoundModel"]


class SoundModel:
    """MLflow model that takes names of sound files.

    Parameters
    ----------
    model : Predictor
    """

    def __init__(self, model: "Predictor") -> None:
        self._model = model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> list[dict[str, Any]]:  # noqa: ARG002
        """Return the prediction of each file, as ``auricle predict`` prints it.

        Parameters
        ----------
        model_input : list of str or pandas.DataFrame
            Names of files; of a table, the first column.

        Raises
        ------
        AudioError : a file cannot be read or used
        FeatureError : a sound is shorter than one frame
        """
        files: Iterable[Any] = model_input.iloc[:, 0] if hasattr(model_input, "iloc") else model_input
        return [self._model.predict(str(file)).as_json() for file in files]


def _load_pyfunc(path: str) -> SoundModel:
    """Load an unzipped bundle and verify its hashes; MLflow calls this function by its name."""
    from auricle.prediction.predictor import Predictor

    folder = Path(path)
    members = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    content = container.pack({name: file.read_bytes() for name, file in members.items()})
    return SoundModel(Predictor(Bundle.from_bytes(content, source=str(folder))))
