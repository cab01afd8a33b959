"""Tell somebody's server what the watch found: signed, so that it knows who tells, and again where it did not answer.

The body is JSON. The header ``Auricle-Signature`` is ``t=SECONDS,v1=HEX``: the time of sending and HMAC-SHA256, by the
secret, of the time, a point and the body. Who receives computes the same, and refuses what is older than five minutes.
"""

import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from auricle.errors import UsageError
from auricle.runtime import clock

__all__ = ["SECRET_VARIABLE", "SIGNATURE", "Webhook", "signature"]

SECRET_VARIABLE: Final = "AURICLE_WEBHOOK_SECRET"  # noqa: S105  (its name, not the secret)
"""Names the secret in the environment: a command line can be read by everybody on the machine."""
SIGNATURE: Final = "Auricle-Signature"
TRIES: Final = 5
PAUSE_S: Final = 1.0
"""After the first failure; twice as long after each further one."""
TIMEOUT_S: Final = 10.0

_AGAIN: Final = (408, 429, 500, 502, 503, 504)


def signature(secret: str, sent: int, body: bytes) -> str:
    """Return the value of the header by which a body is known to be ours.

    Parameters
    ----------
    sent : when, in seconds since 1970
    """
    mac = hmac.new(secret.encode(), str(sent).encode() + b"." + body, hashlib.sha256)
    return f"t={sent},v1={mac.hexdigest()}"


class Webhook:
    """Where to tell what was found.

    Parameters
    ----------
    url : http or https; a redirection is not followed
    secret : shared with who receives
    wait : sleeps between tries; returns whether to give up

    Raises
    ------
    UsageError : another kind of URL, or no secret
    """

    def __init__(self, url: str, secret: str, *, wait: Callable[[float], bool] | None = None) -> None:
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname, parts.port
        except ValueError:
            self._host = None
        if self._host is None or parts.scheme not in ("http", "https") or parts.username is not None:
            raise UsageError("A webhook must be a URL of http or https, without a user. Got something else.")
        if not secret:
            raise UsageError(f"A webhook needs a secret that its receiver knows: set {SECRET_VARIABLE}.")
        self._is_secure = parts.scheme == "https"
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._secret = secret
        self._wait = wait or _sleep
        self.name = f"{parts.scheme}://{parts.netloc}"
        """What messages call it: a path may be a secret."""

    def tell(self, event: str, told: Mapping[str, Any]) -> str | None:
        """Send an event, again and again where the receiver is away; return why it could not be told, or None.

        Parameters
        ----------
        event : its kind: ``check``, or ``retraining``
        told : what happened, as JSON
        """
        body = json.dumps({"id": clock.new_id(), "event": event, **told}, ensure_ascii=False, allow_nan=False).encode()
        reason, pause_s = "", PAUSE_S
        for attempt in range(TRIES):
            if attempt and self._wait(pause_s * 2 ** (attempt - 1)):
                break
            try:
                status = self._post(event, body)
            except (OSError, http.client.HTTPException) as error:
                reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
                continue
            if 200 <= status < 300:
                return None
            reason = f"it answered {status}"
            if status not in _AGAIN:
                break
        return f"{self.name} was not told of a {event}: {reason}."

    def _post(self, event: str, body: bytes) -> int:
        make = http.client.HTTPSConnection if self._is_secure else http.client.HTTPConnection
        connection = make(str(self._host), self._port, timeout=TIMEOUT_S)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Auricle-Event": event,
            SIGNATURE: signature(self._secret, int(clock.now().timestamp()), body),
        }
        try:
            connection.request("POST", self._target, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False
