"""Webhook: send events of the watch to a URL, signed with HMAC-SHA256 and with retries.

The body is JSON. The header ``Auricle-Signature`` is ``t=SECONDS,v1=HEX``: the time of sending, and the HMAC-SHA256 of
the time, a point and the body under the shared secret. Receivers compute the same, and refuse events older than five
minutes.
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

SECRET_VARIABLE: Final = "AURICLE_WEBHOOK_SECRET"  # noqa: S105  (a name, not a secret)
"""Environment variable of the secret; other users of the machine can read a command line."""
SIGNATURE: Final = "Auricle-Signature"
MAX_ATTEMPTS: Final = 5
PAUSE_S: Final = 1.0
"""Pause after the first failure; it doubles after each further one."""
TIMEOUT_S: Final = 10.0

_RETRY_STATUSES: Final = (408, 429, 500, 502, 503, 504)


def signature(secret: str, sent_s: int, body: bytes) -> str:
    """Return the value of the signature header.

    Parameters
    ----------
    secret : str
    sent_s : int
        Time of sending, in seconds since 1970.
    body : bytes

    Examples
    --------
    >>> signature("secret", 0, b"{}")[:20]
    't=0,v1=4bbe8d39de1ff'
    """
    mac = hmac.new(secret.encode(), str(sent_s).encode() + b"." + body, hashlib.sha256)
    return f"t={sent_s},v1={mac.hexdigest()}"


class Webhook:
    """A URL that receives events.

    Parameters
    ----------
    url : str
        http or https; redirects are not followed.
    secret : str
        Shared with the receiver.
    wait : callable, optional
        Sleeps between attempts, and returns whether to give up.

    Raises
    ------
    UsageError
        Another kind of URL, or no secret.
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
            raise UsageError(f"A webhook needs a secret shared with its receiver: set {SECRET_VARIABLE}.")
        self._is_secure = parts.scheme == "https"
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._secret = secret
        self._wait = wait or _sleep
        self.name = f"{parts.scheme}://{parts.netloc}"
        """Name in messages, without the path, which may be secret."""

    def send(self, event: str, payload: Mapping[str, Any]) -> str | None:
        """Send an event, with retries; return the reason of a failure, or None.

        Parameters
        ----------
        event : {"check", "retraining"}
        payload : mapping
            JSON values.
        """
        body = json.dumps(
            {"id": clock.new_id(), "event": event, **payload}, ensure_ascii=False, allow_nan=False
        ).encode()
        reason, pause_s = "", PAUSE_S
        for attempt in range(MAX_ATTEMPTS):
            if attempt and self._wait(pause_s * 2 ** (attempt - 1)):
                break
            try:
                status = self._post(event, body)
            except (OSError, http.client.HTTPException) as error:
                reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
                continue
            if 200 <= status < 300:
                return None
            reason = f"status {status}"
            if status not in _RETRY_STATUSES:
                break
        return f"The {event} event could not be sent to {self.name}: {reason}."

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
