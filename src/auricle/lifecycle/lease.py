"""A lease that stays ours while we work: a thread renews it, and who has lost it is told before anything is changed."""

import contextlib
import os
import socket
import threading
from types import TracebackType
from typing import Self

from auricle.errors import ConflictError, StoreError
from auricle.store.leases import LEASE_S
from auricle.store.store import Store

__all__ = ["LeaseGuard"]


class LeaseGuard:
    """A lease as a context manager, renewed three times in its length.

    Parameters
    ----------
    name : what is done
    what : the same in words, for messages
    for_s : how long it lasts without us, should we be killed

    Raises
    ------
    ConflictError : on entering, somebody else holds it
    StoreError : the store cannot be written
    """

    def __init__(self, store: Store, name: str, what: str, *, for_s: float = LEASE_S) -> None:
        self._store, self._name, self._what, self._for_s = store, name, what, for_s
        self._ended = threading.Event()
        self._is_lost = False

    def check(self) -> None:
        """Make sure that the lease is still ours.

        Raises
        ------
        ConflictError : somebody else has taken it, because we could not renew it in time
        """
        if self._is_lost or not self._store.leases.renew(self._lease):
            raise ConflictError(
                f"{self._what} must be done by one process at a time. Another has taken over meanwhile."
            )

    def __enter__(self) -> Self:
        lease = self._store.leases.take(self._name, holder=f"{socket.gethostname()}:{os.getpid()}", for_s=self._for_s)
        if lease is None:
            holder = self._store.leases.holder(self._name) or "another process"
            raise ConflictError(f"{self._what} must be done by one process at a time. {holder} is at it.")
        self._lease = lease
        self._thread = threading.Thread(target=self._renew, name=f"lease-{self._name}", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        with contextlib.suppress(StoreError):  # where it cannot be given back, it runs out
            self._store.leases.release(self._lease)

    def _renew(self) -> None:
        while not self._ended.wait(self._for_s / 3):
            try:
                if not self._store.leases.renew(self._lease):
                    self._is_lost = True
                    return
            except StoreError:
                continue  # it may be back before the time is up; `check` will tell
