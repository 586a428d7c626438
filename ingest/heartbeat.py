"""Keeps a lease alive from a thread of its own, for as long as the work on it goes on."""

import logging
import threading

from rag.errors import RagError
from rag.leases import Leases
from rag.work import Work

log = logging.getLogger(__name__)


class Heartbeat:
    """Renews the lease three times in its length. `is_lost` tells that another may have the work now."""

    def __init__(self, leases: Leases, work: Work, lease_s: float) -> None:
        self._leases, self._work, self._lease_s = leases, work, lease_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self.is_lost = False

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(self._lease_s / 3):
            try:
                self.is_lost = not self._leases.renew(self._work, self._lease_s)
            except RagError as exc:
                log.warning("heartbeat failed", extra={"document_id": self._work.document_id, "error": exc.type})
