"""Errors to HTTP: one table, and one shape (RFC 9457, application/problem+json) for every error."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from rag import errors

log = logging.getLogger(__name__)

STATUS: dict[type[errors.RagError], int] = {
    errors.InvalidRequest: 422,
    errors.RequestTooLarge: 413,
    errors.DocumentTooLarge: 413,
    errors.EmptyDocument: 422,
    errors.UnsupportedFormat: 415,
    errors.BrokenDocument: 422,
    errors.EncryptedDocument: 422,
    errors.ParserLimitExceeded: 422,
    errors.PassageTooLong: 500,
    errors.DocumentNotFound: 404,
    errors.MoveRefused: 409,
    errors.NoPageImage: 404,
    errors.OriginalMissing: 404,
    errors.CollectionNotFound: 404,
    errors.SourceNotFound: 404,
    errors.TraceNotFound: 404,
    errors.CaseNotFound: 404,
    errors.KeyNotFound: 404,
    errors.SiteNotFound: 404,
    errors.AnswerGone: 410,
    errors.AnswerStopped: 410,
    errors.ConversationNotFound: 404,
    errors.FetchRefused: 422,
    errors.PageGone: 422,
    errors.Unauthenticated: 401,
    errors.SessionEnded: 401,
    errors.OriginNotAllowed: 403,
    errors.Forbidden: 403,
    errors.EmbedderMismatch: 500,
    errors.GenerationNotReady: 409,
    errors.ConfigurationError: 500,
    errors.TooManyQuestions: 429,
    errors.OverQuota: 429,
    errors.IndexUnavailable: 503,
    errors.EmbedderUnavailable: 503,
    errors.RerankerUnavailable: 503,
    errors.GeneratorUnavailable: 503,
    errors.RegistryUnavailable: 503,
    errors.StoreUnavailable: 503,
    errors.FetchFailed: 503,
    errors.StorageFull: 507,
}


def problem(error: errors.RagError) -> dict[str, Any]:
    """Return the problem details of an error, as sent in bodies and in `error` events."""
    return {"type": error.type, "title": error.title, "status": STATUS.get(type(error), 500), "detail": error.detail}


def problem_response(error: errors.RagError) -> JSONResponse:
    body = problem(error)
    headers = {"WWW-Authenticate": "Bearer"} if body["status"] == 401 else {}
    if isinstance(error, errors.TooManyQuestions | errors.OverQuota):
        headers["Retry-After"] = str(error.retry_after_s)
    return JSONResponse(body, body["status"], headers, media_type="application/problem+json")


def install_problems(app: FastAPI) -> None:
    """Answer every error of the app with a problem."""

    @app.exception_handler(errors.RagError)
    async def _known(_request: Request, exc: errors.RagError) -> JSONResponse:
        return problem_response(exc)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, exc: RequestValidationError) -> JSONResponse:
        wrong = "; ".join(f"{'.'.join(str(part) for part in e['loc'][1:])}: {e['msg']}" for e in exc.errors()[:5])
        return problem_response(errors.InvalidRequest(wrong))

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, exc: HTTPException) -> JSONResponse:
        body = {"type": "about:blank", "title": exc.detail, "status": exc.status_code, "detail": exc.detail}
        return JSONResponse(jsonable_encoder(body), exc.status_code, exc.headers, media_type="application/problem+json")

    @app.exception_handler(Exception)
    async def _unknown(request: Request, exc: Exception) -> JSONResponse:
        log.error("unexpected error", extra={"path": request.url.path}, exc_info=exc)
        return problem_response(errors.RagError("An unexpected error; the service's log has its cause."))
