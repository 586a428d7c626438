"""Who did what to which document, when. Written in the transaction that does it; holds no text of a document."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from rag.database import clock, transaction
from rag.tables import AuditRow

WORKER = "worker"  # who purges


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    id: int
    at: datetime
    actor: str
    action: str
    document_id: str
    detail: dict[str, Any]


def record(session: Session, actor: str, action: str, document_id: str, **detail: Any) -> None:
    """Add an entry to the transaction."""
    session.add(AuditRow(at=clock(session), actor=actor, action=action, document_id=document_id, detail=detail))


def entries(
    engine: Engine, *, document_id: str | None = None, action: str | None = None, before: int | None, limit: int
) -> list[AuditEntry]:
    """Return the entries before an id, newest first."""
    query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
    if document_id:
        query = query.where(AuditRow.document_id == document_id)
    if action:
        query = query.where(AuditRow.action == action)
    if before is not None:
        query = query.where(AuditRow.id < before)
    with transaction(engine, writes=False) as session:
        return [
            AuditEntry(
                id=row.id,
                at=datetime.fromtimestamp(row.at, UTC),
                actor=row.actor,
                action=row.action,
                document_id=row.document_id,
                detail=row.detail,
            )
            for row in session.scalars(query)
        ]
