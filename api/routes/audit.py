"""The audit: who did what to which document, and that what was deleted is gone."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Administrator, ServicesDep
from api.schemas import AuditBody
from rag.audit import entries

router = APIRouter(prefix="/v1/audit", tags=["audit"])


@router.get("")
def audit(
    services: ServicesDep,
    caller: Administrator,
    document_id: str | None = None,
    action: str | None = None,
    before: Annotated[int | None, Query(description="Only entries with a smaller id: for the next page.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[AuditBody]:
    """List what was done, newest first."""
    del caller
    found = entries(services.engine, document_id=document_id, action=action, before=before, limit=limit)
    return [AuditBody.of(entry) for entry in found]
