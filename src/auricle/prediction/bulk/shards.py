"""Answers on a cluster: workers write shards of predictions into a folder, and each goes on where another died."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auricle.bundles.bundle import Bundle
from auricle.errors import UsageError
from auricle.prediction.bulk.output import Rows, failed, render
from auricle.prediction.bulk.run import Report, asked
from auricle.prediction.bulk.worker_pool import WorkerPool
from auricle.prediction.formats import FORMATS
from auricle.prediction.request import PredictionRequest
from auricle.runtime import files
from auricle.runtime.compute import Engine
from auricle.runtime.shards import Summary, write_shards

if TYPE_CHECKING:
    from auricle.prediction.predictor import Predictor

__all__ = ["run_to_shards"]

SHARDED: Final = tuple(name for name, form in FORMATS.items() if not form.is_of_one_recording)


def run_to_shards(
    model: "Predictor",
    found: Sequence[Path],
    folder: Path,
    *,
    request: PredictionRequest,
    form: str,
    engine: Engine,
    resume: bool = False,
    told: Callable[[int], None] | None = None,
) -> Report:
    """Let an engine write the rows of all files into a folder, as shards.

    As JSON lines, the shards joined in the order of their names are what one machine writes.

    Parameters
    ----------
    found : files that all workers see; rows name them by their absolute path
    folder : one that all workers see
    resume : go on where a run to the same folder was stopped
    told : told how many files are done

    Raises
    ------
    UsageError : what is asked fits no file, or is not what the run in the folder was asked
    OutputError : the folder holds something else, or cannot be written
    """
    request.check(model.loaded)
    if form not in SHARDED:
        raise UsageError(f"On a cluster, the format must be {' or '.join(SHARDED)}. Got {form}.")
    started = time.perf_counter()
    paths = [path.absolute() for path in found]
    run = write_shards(
        folder,
        list(map(str, paths)),
        partial(_shard, bundle=model.bundle, request=request, form=form),
        engine=engine,
        settings=asked(model, paths, request, form),
        suffix=FORMATS[form].suffix,
        resume=resume,
        told=told,
    )
    return Report(
        n_files=len(found),
        n_resumed=sum(run.shards[name]["n_items"] for name in run.resumed),
        n_failed=sum(shard["n_failed"] for shard in run.shards.values()),
        sound_s=sum(shard["sound_s"] for name, shard in run.shards.items() if name not in run.resumed),
        seconds=time.perf_counter() - started,
    )


class _Own(threading.local):
    """The process that one thread of a worker has its files answered by, from one shard to the next."""

    asked: tuple[str, PredictionRequest, str] | None = None
    crew: WorkerPool[Rows] | None = None

    def crew_for(self, bundle: Bundle, request: PredictionRequest, form: str) -> WorkerPool[Rows]:
        asked = (bundle.id, request, form)
        if self.crew is None or self.asked != asked:
            self.leave()
            self.asked, self.crew = asked, WorkerPool((bundle, partial(render, request=request, form=form)), Rows, 1)
        return self.crew

    def leave(self) -> None:
        if self.crew is not None:
            self.crew.stop()
        self.crew = None


_OWN = _Own()


def _shard(path: Path, names: Sequence[str], *, bundle: Bundle, request: PredictionRequest, form: str) -> Summary:
    """Answer some files in a process of its own, so that a decoder that dies costs one of them and not this worker."""
    classes = bundle.manifest.classes
    n_failed, sound_s = 0, 0.0
    try:
        with files.new_file(path) as stream:
            stream.write(FORMATS[form].head(classes).encode())
            for file, rows, died in _OWN.crew_for(bundle, request, form).run(map(Path, names)):
                if died is not None:
                    rows.append(failed(classes, file, died, form=form))
                stream.writelines(rows.text())
                n_failed += rows.last.error is not None
                sound_s += rows.last.sound_s
    except BaseException:
        _OWN.leave()  # it may be in the middle of a run
        raise
    return {"n_failed": n_failed, "sound_s": sound_s}
