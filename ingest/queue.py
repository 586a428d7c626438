"""Celery, on Redis or RabbitMQ: they wake workers, and remember nothing that the registry does not know."""

import logging

from celery import Celery
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)
WAKE = "ingest.wake"
STALE_S = 60  # a message nobody took by then is dropped: the sweeper sends others


def make_app(broker_url: str) -> Celery:
    """Return the Celery app. A message carries no work, so none needs to be acknowledged late or sent twice."""
    app = Celery("ingest", broker=broker_url)
    is_redis = broker_url.startswith(("redis://", "rediss://"))
    app.conf.update(
        task_ignore_result=True,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # a worker waits for its broker however long it takes
        broker_connection_timeout=2,
        # RabbitMQ locks an exclusive queue to a connection: a second worker on a machine, which has the same
        # name, or one whose connection was cut, could not start.
        control_queue_exclusive=False,
        control_queue_durable=True,
        broker_transport_options={"socket_timeout": 5, "socket_connect_timeout": 2} if is_redis else {},
        worker_hijack_root_logger=False,
    )
    return app


class Queue:
    """The sending side."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def wake(self, expires_s: float = STALE_S) -> bool:
        """Have a worker look for work. Return False if the broker is away; the sweeper looks, too: nothing is lost."""
        try:
            self._app.send_task(WAKE, retry=False, expires=expires_s)
        except OperationalError as exc:
            log.warning("the broker is away", extra={"error": str(exc)})
            return False
        return True

    def ping(self) -> None:
        """Raise kombu's OperationalError if the broker does not answer."""
        with self._app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=2)
