import subprocess
import sys

LOADED = "import auricle.store.store, sys; print(*sys.modules)"


def test_a_store_loads_no_sound_no_models_and_no_learning() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    rooms = {name.split(".")[1] for name in loaded if name.startswith("auricle.")}
    assert rooms == {"clock", "errors", "records", "store"}
    assert loaded.isdisjoint({"sklearn", "torch", "scipy", "onnxruntime", "psycopg"})
