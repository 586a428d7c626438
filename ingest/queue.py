"""Celery, on Redis or RabbitMQ: they wake workers and remember nothing that the registry does not know."""

import logging
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

from rag.leases import Work

log = logging.getLogger(__name__)
INGEST, PURGE = "ingest.ingest", "ingest.purge"
REDIS_OPTIONS = {
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 2,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
}


def make_app(broker_url: str, lease_s: float) -> Celery:
    """Return the Celery app. Tasks in flight come back soon after a worker's end; a second delivery is a no-op."""
    app = Celery("ingest", broker=broker_url)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # a worker waits for its broker however long it takes
        broker_connection_timeout=2,
        broker_transport_options=_transport_options(broker_url, lease_s),
        # RabbitMQ locks an exclusive queue to a connection: a second worker on a machine, which has the same
        # name, or one whose connection was cut, could not start.
        control_queue_exclusive=False,
        control_queue_durable=True,
        worker_hijack_root_logger=False,
    )
    return app


def _transport_options(broker_url: str, lease_s: float) -> dict[str, int]:
    """Redis is told when to give a message without an answer out again; RabbitMQ sees that its receiver left."""
    if not broker_url.startswith("redis"):
        return {}
    return REDIS_OPTIONS | {"visibility_timeout": max(5, int(lease_s))}


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
