import subprocess
import sys

FORBIDDEN = (
    "sklearn",
    "torch",
    "onnx",
    "skl2onnx",
    "optuna",
    "matplotlib",
    "auricle.training",
    "auricle.models",
    "auricle.datasets",
)


def test_importing_the_server_loads_no_training_code() -> None:
    program = (
        "import sys, pkgutil, importlib, auricle.serving\n"
        "for _, name, _ in pkgutil.iter_modules(auricle.serving.__path__, 'auricle.serving.'):\n"
        "    importlib.import_module(name)\n"
        f"print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
