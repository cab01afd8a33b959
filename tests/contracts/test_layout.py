"""Listings are short, no file is a crumb, and tests lie where their sources do."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src" / "auricle"
MAX_ENTRIES = 15
MIN_LINES = 50

UNBOUNDED = {".", "cli", "models"}
"""Folders with one entry per room, command or family."""

SHORT = {
    "__main__.py": "a program",
    "audio/recorders/audiomoth.py": "one source",
    "audio/recorders/guano.py": "one source",
    "audio/recorders/wamd.py": "one source",
    "cli/export.py": "one command",
    "cli/main.py": "the entry point, which imports nothing that `--version` does not need",
    "export/graph.py": "the whole graph, in the order of its parts",
    "features/extractor.py": "the public name of a pipeline without further blocks",
    "models/boosting.py": "one family",
    "models/cnn/family.py": "one family",
    "models/embedding.py": "one family",
    "models/forest.py": "one family",
    "models/linear.py": "one family",
    "models/neighbours.py": "one family",
    "models/novelty.py": "fitted here, at use in bundles/novelty.py",
    "models/trees.py": "one family",
    "prediction/bulk/outbox.py": "the one bridge from rows to a store",
    "prediction/row_sampler.py": "shared by stream and log entries, which would import each other",
    "serving/routes/monitor.py": "one route",
    "serving/routes/page.py": "one route",
    "serving/worker.py": "a program",
    "store/blobs.py": "one table",
}
"""Modules of fewer lines than MIN_LINES, and why each is an idea of its own."""

TESTED_IN = {
    "audio/recorders/audiomoth.py": "audio/recorders/test_sources.py",
    "audio/recorders/bext.py": "audio/recorders/test_sources.py",
    "audio/recorders/facts.py": "audio/recorders/test_sources.py",
    "audio/recorders/guano.py": "audio/recorders/test_sources.py",
    "audio/recorders/names.py": "audio/recorders/test_sources.py",
    "audio/recorders/wamd.py": "audio/recorders/test_sources.py",
    "cli/app.py": "cli/test_main.py",
    "cli/commands.py": "contracts/test_commands.py",
    "cli/demo_loop.py": "cli/test_demo.py",
    "kernels/bands.py": "features/test_spectrum.py",
    "kernels/butterfly.py": "kernels/test_fourier.py",
    "kernels/deltas.py": "features/test_analysis.py",
    "kernels/frames.py": "features/test_analysis.py",
    "kernels/long_term.py": "audio/test_spectral_quality.py",
    "kernels/spectral_shape.py": "features/test_descriptors.py",
    "models/boosting.py": "contracts/test_models.py",
    "models/cnn/device.py": "models/cnn/test_estimator.py",
    "models/cnn/family.py": "contracts/test_models.py",
    "models/embedding.py": "contracts/test_models.py",
    "models/forest.py": "contracts/test_models.py",
    "models/linear.py": "contracts/test_models.py",
    "models/neighbours.py": "contracts/test_models.py",
    "models/trees.py": "contracts/test_models.py",
    "runtime/cluster.py": "cluster/test_cluster.py",
    "serving/http/stream_protocol.py": "serving/http/test_fuzz.py",
}
"""Modules without a test file of their name: tables, programs, and what is only seen through another module."""


def modules() -> list[str]:
    return [path.relative_to(SOURCES).as_posix() for path in SOURCES.rglob("*.py") if path.name != "__init__.py"]


def test_no_listing_is_longer_than_a_glance() -> None:
    folders = [SOURCES, *(path for path in SOURCES.rglob("*") if path.is_dir() and path.name != "__pycache__")]
    entries = {
        folder.relative_to(SOURCES).as_posix(): sum(path.name != "__pycache__" for path in folder.iterdir())
        for folder in folders
    }
    assert len(entries) > 30
    assert {name: n for name, n in entries.items() if n > MAX_ENTRIES and name not in UNBOUNDED} == {}


def test_a_short_module_is_an_idea_of_its_own() -> None:
    short = {name for name in modules() if len((SOURCES / name).read_text("utf-8").splitlines()) < MIN_LINES}
    assert short == SHORT.keys()


def test_every_module_has_a_test_file_of_its_name_or_is_said_to_be_tested_elsewhere() -> None:
    mirrored = {name: f"{name.rpartition('/')[0]}/test_{name.rpartition('/')[2]}".lstrip("/") for name in modules()}
    without = {name for name, test in mirrored.items() if not (ROOT / "tests" / test).is_file()} - {"__main__.py"}
    assert without == TESTED_IN.keys()
    assert [test for test in TESTED_IN.values() if not (ROOT / "tests" / test).is_file()] == []
