"""Entry point of the API process: `python -m api`, or `rag serve`."""

import gc
from typing import Any

import uvicorn

from api.app import create_app
from api.services import open_services
from rag.database import migrate
from rag.logs import configure_logging
from rag.settings import ApiSettings, load_settings


def serve() -> None:
    """Bring the registry's schema up to date, then serve until told to stop."""
    settings = load_settings()
    configure_logging(settings.log)
    migrate(settings.database_url)
    app = create_app(settings, open_services(settings))
    gc.collect()
    gc.freeze()  # what is there for good is not looked through again: 160 ms in which no stream moves
    uvicorn.run(app, **server_options(settings.api))


def server_options(api: ApiSettings) -> dict[str, Any]:
    """Return how uvicorn serves. What a proxy says of a caller's address counts if the settings name the proxy."""
    return {
        "host": api.host,
        "port": api.port,
        "log_config": None,
        "access_log": False,
        "proxy_headers": bool(api.trusted_proxies),
        "forwarded_allow_ips": api.trusted_proxies,
        "timeout_graceful_shutdown": 3,
        "server_header": False,
    }


if __name__ == "__main__":
    serve()
