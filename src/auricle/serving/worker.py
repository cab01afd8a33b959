"""The program of one of several server processes: ``python -m auricle.serving.worker FD``, with its orders on stdin."""

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
    """Serve on the socket FD until told to stop, or until whoever started it is gone."""
    orders = json.loads(sys.stdin.readline())
    threading.Thread(target=_stop_with_parent, name="parent", daemon=True).start()
    listener = socket.socket(fileno=int(sys.argv[1]))
    try:
        run(Settings.model_validate(orders["limits"]), orders["store"], orders["name"], listener)
    except AuricleError as error:
        sys.exit(str(error))


def _stop_with_parent() -> None:
    sys.stdin.read()  # ends when the other end is closed, however that came about
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
