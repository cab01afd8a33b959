import subprocess
import sys

LOADED = "import auricle.store.store, sys; print(*sys.modules)"


def test_importing_the_store_loads_no_audio_models_or_training() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    others = {name for name in loaded if name.startswith("auricle.") and not name.startswith("auricle.store")}
    assert others == {"auricle.errors", "auricle.records", "auricle.runtime", "auricle.runtime.clock"}
    assert loaded.isdisjoint({"sklearn", "torch", "scipy", "onnxruntime", "psycopg"})
