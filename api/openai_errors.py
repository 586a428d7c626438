"""Errors of the OpenAI-compatible routes, in OpenAI's shape: its clients read no problems."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from api.problems import problem_response
from rag.errors import InvalidRequest, RagError, Unauthenticated

log = logging.getLogger(__name__)
STATUS = {422: 400}  # OpenAI has no 422
KEPT = ("www-authenticate", "retry-after")


class Refused(Exception):
    """A request that OpenAI's API knows and this one does not serve. `param` is the field that is meant."""

    def __init__(self, message: str, param: str, code: str = "unsupported_value", status: int = 400) -> None:
        super().__init__(message)
        self.message, self.param, self.code, self.status = message, param, code, status


class OpenAIRoute(APIRoute):
    """A route whose errors have OpenAI's shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def translated(request: Request) -> Response:
            try:
                return await handle(request)
            except Refused as exc:
                return JSONResponse(_error(exc.message, exc.status, exc.code, exc.param), exc.status)
            except RequestValidationError as exc:
                return _invalid(exc)
            except Exception as exc:  # noqa: BLE001  # logged; the reader learns nothing of its cause
                return _response(known(exc))

        return translated


def known(exc: Exception) -> RagError:
    """Return the error itself, or one that tells nothing of its cause, which is logged."""
    if isinstance(exc, RagError):
        return exc
    log.error("unexpected error", exc_info=exc)
    return RagError("An unexpected error; the service's log has its cause.")


def error_body(error: RagError) -> dict[str, Any]:
    """Return an error of ours as OpenAI's clients read it. `code` is the type of the problem."""
    status = problem_response(error).status_code
    code = "invalid_api_key" if isinstance(error, Unauthenticated) else error.type
    return _error(f"{error.title}: {error.detail}", STATUS.get(status, status), code)


def _response(error: RagError) -> JSONResponse:
    base = problem_response(error)
    headers = {name: base.headers[name] for name in KEPT if name in base.headers}
    return JSONResponse(error_body(error), STATUS.get(base.status_code, base.status_code), headers)


def _invalid(exc: RequestValidationError) -> JSONResponse:
    """Name the first field that is wrong."""
    first = exc.errors()[0]
    param = ".".join(str(part) for part in first["loc"][1:])
    return JSONResponse(_error(f"{param}: {first['msg']}", 400, InvalidRequest.type, param), 400)


def _error(message: str, status: int, code: str, param: str | None = None) -> dict[str, Any]:
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
