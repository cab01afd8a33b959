"""Program of a supervised server process: ``python -m auricle.serving.worker FD``, with its settings on stdin."""

import json
import os
import signal
import socket
import sys
import threading

from auricle.errors import AuricleError
from auricle.serving.run import run
from auricle.serving.settings import Settings

__all__ = ["main"]


def main() -> None:
    """Serve on the socket FD until SIGTERM, or until the supervisor is gone."""
    config = json.loads(sys.stdin.readline())
    threading.Thread(target=_stop_with_parent, name="parent", daemon=True).start()
    listener = socket.socket(fileno=int(sys.argv[1]))
    try:
        run(Settings.model_validate(config["settings"]), config["store"], config["name"], listener)
    except AuricleError as error:
        sys.exit(str(error))


def _stop_with_parent() -> None:
    sys.stdin.read()  # returns when the supervisor closes the pipe or dies
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
