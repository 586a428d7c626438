"""Traces and feedback: how an answer came about, and what people think of it."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from api.auth import Asker, AskerOrVisitor, ServicesDep
from api.schemas import Request
from api.trace_schemas import TraceBody
from rag.feedback import Rating, Reason

router = APIRouter(prefix="/v1", tags=["traces"])

TraceId = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class FeedbackRequest(Request):
    trace_id: TraceId
    rating: Rating
    reasons: list[Reason] = Field(default=[], max_length=len(Reason), description="What is wrong with the answer.")
    comment: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] | None = None


@router.get("/traces/{trace_id}")
def trace(trace_id: str, services: ServicesDep, caller: Asker) -> TraceBody:
    """Tell how an answer came about: to who asked, and to administrators."""
    return TraceBody.of(services.traces.read(trace_id, caller))


@router.post("/feedback", status_code=204)
def feedback(body: FeedbackRequest, services: ServicesDep, caller: AskerOrVisitor) -> None:
    """Say what you think of an answer. Said again, it replaces what you said before."""
    services.feedback.give(body.trace_id, caller, body.rating, reasons=body.reasons, comment=body.comment or None)
