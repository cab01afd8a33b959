"""Lease guard: holds a lease of the store while work is under way, renews it in a thread, and reports its loss."""

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
    store : Store
    name : str
        Name of the lease.
    description : str
        The work, for messages.
    for_s : float
        Seconds until the lease expires without renewal.

    Raises
    ------
    ConflictError
        On entry, another process holds the lease.
    StoreError
        The store cannot be written.
    """

    def __init__(self, store: Store, name: str, description: str, *, for_s: float = LEASE_S) -> None:
        self._store, self._name, self._description, self._for_s = store, name, description, for_s
        self._ended = threading.Event()
        self._is_lost = False

    def check(self) -> None:
        """Make sure that this process still holds the lease.

        Raises
        ------
        ConflictError
            Another process has taken it, because it was not renewed in time.
        """
        if self._is_lost or not self._store.leases.renew(self._lease):
            raise ConflictError(f"{self._description} must be done by one process at a time. Another has taken over.")

    def __enter__(self) -> Self:
        lease = self._store.leases.take(self._name, holder=f"{socket.gethostname()}:{os.getpid()}", for_s=self._for_s)
        if lease is None:
            holder = self._store.leases.holder(self._name) or "another process"
            raise ConflictError(f"{self._description} must be done by one process at a time. {holder} is running it.")
        self._lease = lease
        self._thread = threading.Thread(target=self._renew, name=f"lease-{self._name}", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        with contextlib.suppress(StoreError):  # otherwise it expires
            self._store.leases.release(self._lease)

    def _renew(self) -> None:
        while not self._ended.wait(self._for_s / 3):
            try:
                if not self._store.leases.renew(self._lease):
                    self._is_lost = True
                    return
            except StoreError:
                continue  # the store may return before the lease expires; `check` decides
