"""Eval cases: questions that were asked here, for `rag eval`."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, StringConstraints

from api.auth import Administrator, ServicesDep
from api.schemas import Request, Text
from api.trace_schemas import iso
from rag.cases import Case, Wish

router = APIRouter(prefix="/v1/cases", tags=["traces"])


class CaseRequest(Request):
    trace_id: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    question: Text | None = Field(None, description="Left out: the trace's. Needed where its text is not kept.")
    answer: Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000)] | None = Field(
        None, description="What should be said."
    )
    documents: list[str] | None = Field(
        None,
        max_length=100,
        description="Ids of those that answer it. Left out: the cited ones, if nobody disliked it.",
    )
    answerable: bool = Field(True, description="Whether the documents answer it at all.")


class CaseBody(BaseModel):
    id: str
    trace_id: str
    created_at: str
    created_by: str
    question: str
    collections: list[str] | None = Field(description="Where it is asked; null: everywhere.")
    answerable: bool
    answer: str | None = Field(description="Null, too, once one of its documents is deleted.")
    documents: list[str] = Field(description="Without one, and answerable, `rag eval` cannot ask it.")

    @classmethod
    def of(cls, case: Case) -> "CaseBody":
        return cls(**vars(case) | {"created_at": iso(case.created_at)})


class CaseList(BaseModel):
    cases: list[CaseBody]


@router.post("", status_code=201)
def make_case(body: CaseRequest, services: ServicesDep, caller: Administrator) -> CaseBody:
    """Make a trace's question a case of `rag eval`, or change the case that was made of it."""
    wish = Wish(**body.model_dump() | {"answer": body.answer or None})
    return CaseBody.of(services.cases.make(wish, caller))


@router.get("")
def list_cases(
    services: ServicesDep,
    caller: Administrator,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> CaseList:
    """List the cases, newest first."""
    del caller
    return CaseList(cases=[CaseBody.of(case) for case in services.cases.list(limit, offset)])


@router.delete("/{case_id}", status_code=204)
def remove_case(case_id: str, services: ServicesDep, caller: Administrator) -> None:
    """Remove a case."""
    del caller
    services.cases.remove(case_id)
