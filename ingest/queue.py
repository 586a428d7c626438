"""Celery and Redis: they wake workers and remember nothing that the registry does not know."""

import logging
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

from rag.leases import Work

log = logging.getLogger(__name__)
INGEST, PURGE = "ingest.ingest", "ingest.purge"


def make_app(broker_url: str, lease_s: float) -> Celery:
    """Return the Celery app. Tasks in flight come back soon after a worker's end; a second delivery is a no-op."""
    app = Celery("ingest", broker=broker_url)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=2,
        broker_transport_options={
            "visibility_timeout": max(5, int(lease_s)),
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 2,
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
        },
        worker_hijack_root_logger=False,
    )
    return app


class Queue:
    """The sending side."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def wake(self, work: Work) -> None:
        """Tell a worker about work. If the broker is away, the sweeper tells it later: nothing is lost."""
        name, args = (PURGE, (work.document_id,)) if work.version == 0 else (INGEST, (work.document_id, work.version))
        self._send(name, args)

    def ping(self) -> None:
        """Raise kombu's OperationalError if the broker does not answer."""
        with self._app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=2)

    def _send(self, name: str, args: tuple[Any, ...]) -> None:
        try:
            self._app.send_task(name, args=args, retry=False)
        except OperationalError as exc:
            log.warning("broker away, the sweeper will wake a worker", extra={"error": str(exc)})
