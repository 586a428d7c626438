"""Registered sources: where documents come from, what each held when it was last read, and whose turn it is."""

import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Engine, delete, exists, select, update
from sqlalchemy.orm import Session, aliased

from rag.database import transaction
from rag.errors import InvalidRequest, SourceNotFound, collection_not_found
from rag.tables import DocumentRow, SourceIdRow, SourceItemRow, SourceRow
from rag.types import Principal, Scope

KEYS_AT_ONCE = 10_000  # PostgreSQL takes 65,535 parameters in a query


class SourceKind(StrEnum):
    """What a source is. `push` is a folder that `rag ingest` keeps up to date from another machine."""

    WEB = "web"
    SITEMAP = "sitemap"
    BUCKET = "bucket"
    FOLDER = "folder"
    PUSH = "push"


@dataclass(frozen=True, kw_only=True)
class NewSource:
    """What registering a source brings. Without `interval_s` it is read when asked; `grace_s` is in seconds, too."""

    kind: SourceKind
    location: str
    collection: str
    grace_s: float
    interval_s: float | None = None
    access: tuple[str, ...] = ()
    options: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Source(NewSource):
    """A registered source. `run_as` are the rights it reads and deletes with; times are Unix seconds."""

    id: str
    run_as: Principal
    created_at: float
    next_run_at: float | None
    is_running: bool
    last_run: dict[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class Item:
    """A page, file or object as it was last read.

    `validator` tells whether it has changed since, `links` are the pages that it leads to, `problem` says why it
    is no document. `is_live` is False once its document was deleted by hand.
    """

    key: str
    document_id: str | None = None
    validator: str | None = None
    links: tuple[str, ...] = ()
    problem: str | None = None
    missing_since: float | None = None
    is_live: bool = True


class Sources:
    """Every read and write of sources. One short transaction a call; safe from many processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, new: NewSource, principal: Principal) -> Source:
        """Register a source; its first run is due at once. Raise InvalidRequest if it is registered already.

        Raise CollectionNotFound unless the collection is one of the principal's.
        """
        if not principal.reaches(new.collection):
            raise collection_not_found(new.collection)
        with transaction(self._engine, writes=True) as session:
            same = _registered(session, new.kind, new.location, new.collection)
            if same is not None:
                raise InvalidRequest(f"location: it is registered for this collection already, as {same.id}.")
            row = _row(new, principal, next_run_at=time.time())
            session.add(row)
            return _source(row)

    def get(self, source_id: str, principal: Principal) -> Source:
        """Raise SourceNotFound for one that the principal may not see, too."""
        with transaction(self._engine, writes=False) as session:
            return _source(_visible(session, source_id, principal))

    def all(self, principal: Principal) -> list[Source]:
        """Return the sources that the principal may see, oldest first."""
        with transaction(self._engine, writes=False) as session:
            rows = session.scalars(select(SourceRow).order_by(SourceRow.created_at, SourceRow.id))
            return [_source(row) for row in rows if principal.may_see(row.access, row.collection)]

    def run_now(self, source_id: str, principal: Principal) -> Source:
        """Make a source due at once; one that is being read is read again when that has ended."""
        with transaction(self._engine, writes=True) as session:
            row = _visible(session, source_id, principal)
            if row.kind == SourceKind.PUSH:
                raise InvalidRequest("This folder is on another machine: `rag ingest` there brings it up to date.")
            row.next_run_at = time.time()
            return _source(row)

    def remove(self, source_id: str, principal: Principal) -> dict[str, str]:
        """Forget a source; return what no other source holds: document ids by `source_id`. None of them is deleted."""
        with transaction(self._engine, writes=True) as session:
            row = _visible(session, source_id, principal)
            held = _held(session, row, principal)
            session.execute(delete(SourceItemRow).where(SourceItemRow.source_id == source_id))
            session.execute(delete(SourceRow).where(SourceRow.id == source_id))
            return held

    def held(self, source_id: str, principal: Principal) -> dict[str, str]:
        """Return what `remove` would: what no other source holds and the principal may see."""
        with transaction(self._engine, writes=False) as session:
            return _held(session, _visible(session, source_id, principal), principal)

    def claim_due(self, owner: str, lease_s: float) -> Source | None:
        """Take the lease of the source that is due longest and that nobody holds, if there is one."""
        now = time.time()
        due = (
            select(SourceRow)
            .where(SourceRow.next_run_at <= now, SourceRow.lease_until < now)
            .order_by(SourceRow.next_run_at)
            .limit(1)
        )
        with transaction(self._engine, writes=False) as session:
            if session.scalars(due).first() is None:
                return None
        with transaction(self._engine, writes=True) as session:
            row = session.scalars(due.with_for_update(skip_locked=True)).first()
            if row is None:
                return None
            row.lease_owner, row.lease_until = owner, now + lease_s
            return _source(row)

    def renew(self, source_id: str, owner: str, lease_s: float) -> bool:
        """Keep a lease alive. Return False once it is lost, or the source removed."""
        with transaction(self._engine, writes=True) as session:
            row = _leased(session, source_id, owner)
            if row is not None:
                row.lease_until = time.time() + lease_s
            return row is not None

    def finish(self, source_id: str, owner: str, *, started_at: float, report: dict[str, Any]) -> None:
        """Record a run and give the lease back; the next run is due an interval from now, or if asked for meanwhile."""
        with transaction(self._engine, writes=True) as session:
            row = _leased(session, source_id, owner)
            if row is None:
                return
            row.last_run, row.lease_owner, row.lease_until = report, None, 0.0
            if row.next_run_at is None or row.next_run_at <= started_at:
                row.next_run_at = None if row.interval_s is None else time.time() + row.interval_s

    def items(self, source_id: str) -> dict[str, Item]:
        """Return what the source held when it was last read, by key."""
        query = (
            select(SourceItemRow, DocumentRow.deleted_at)
            .outerjoin(DocumentRow, DocumentRow.id == SourceItemRow.document_id)
            .where(SourceItemRow.source_id == source_id)
        )
        with transaction(self._engine, writes=False) as session:
            return {row.key: _item(row, deleted_at) for row, deleted_at in session.execute(query)}

    def save(self, source_id: str, owner: str, item: Item) -> bool:
        """Store an item. Return False, having stored nothing, if the lease is lost or the source removed."""
        with transaction(self._engine, writes=True) as session:
            if _leased(session, source_id, owner) is None:
                return False
            session.merge(
                SourceItemRow(
                    source_id=source_id,
                    key=item.key,
                    document_id=item.document_id,
                    validator=item.validator,
                    links=list(item.links),
                    problem=item.problem,
                    missing_since=item.missing_since,
                )
            )
            return True

    def mark(self, source_id: str, keys: Collection[str], missing_since: float | None) -> None:
        """Set since when items are missing; None: they are there."""
        if not keys:
            return
        ordered = sorted(keys)
        with transaction(self._engine, writes=True) as session:
            for first in range(0, len(ordered), KEYS_AT_ONCE):
                session.execute(
                    update(SourceItemRow)
                    .where(
                        SourceItemRow.source_id == source_id,
                        SourceItemRow.key.in_(ordered[first : first + KEYS_AT_ONCE]),
                    )
                    .values(missing_since=missing_since)
                )

    def drop(self, source_id: str, key: str) -> str | None:
        """Forget an item; return its document's id, unless another source holds that document, too."""
        with transaction(self._engine, writes=True) as session:
            own = select(SourceItemRow.document_id).where(
                SourceItemRow.source_id == source_id, SourceItemRow.key == key, ~_held_by_another()
            )
            document_id = session.scalar(own)
            session.execute(delete(SourceItemRow).where(SourceItemRow.source_id == source_id, SourceItemRow.key == key))
            return document_id

    def report_missing(
        self, collection: str, prefix: str, source_ids: Sequence[str], grace_s: float, principal: Principal
    ) -> dict[str, str]:
        """Record which documents under `prefix` their folder, on another machine, no longer has: these and no other.

        Return those that are missing for longer than `grace_s`: document ids by `source_id`. Raise CollectionNotFound
        unless the collection is one of the principal's.
        """
        if not principal.reaches(collection):
            raise collection_not_found(collection)
        now = time.time()
        with transaction(self._engine, writes=True) as session:
            source = _registered(session, SourceKind.PUSH, prefix, collection)
            if source is None:
                new = NewSource(
                    kind=SourceKind.PUSH, location=prefix, collection=collection, grace_s=grace_s, options={}
                )
                source = _row(new, principal, next_run_at=None)
                session.add(source)
                session.flush()
            documents = _pushed_documents(session, collection, prefix, principal)
            missing = {key: documents[key] for key in source_ids if key in documents}
            since = dict.fromkeys(missing, now)
            for row in session.scalars(select(SourceItemRow).where(SourceItemRow.source_id == source.id)):
                if row.key in missing and row.document_id == missing[row.key]:
                    since[row.key] = row.missing_since or now
                session.delete(row)
            session.flush()
            session.add_all(
                SourceItemRow(
                    source_id=source.id, key=key, document_id=missing[key], links=[], missing_since=since[key]
                )
                for key in missing
            )
            return {key: missing[key] for key in missing if now - since[key] >= grace_s}


def _registered(session: Session, kind: SourceKind, location: str, collection: str) -> SourceRow | None:
    query = select(SourceRow).where(
        SourceRow.kind == kind, SourceRow.location == location, SourceRow.collection == collection
    )
    return session.scalars(query).first()


def _visible(session: Session, source_id: str, principal: Principal) -> SourceRow:
    row = session.get(SourceRow, source_id)
    if row is None or not principal.may_see(row.access, row.collection):
        raise SourceNotFound(f"No source has the id {source_id}.")
    return row


def _leased(session: Session, source_id: str, owner: str) -> SourceRow | None:
    query = select(SourceRow).where(SourceRow.id == source_id, SourceRow.lease_owner == owner)
    return session.scalars(query.with_for_update()).first()


def _held(session: Session, row: SourceRow, principal: Principal) -> dict[str, str]:
    if row.kind == SourceKind.PUSH:
        return _pushed_documents(session, row.collection, row.location, principal)
    query = (
        select(SourceItemRow.key, DocumentRow.id, DocumentRow.access, DocumentRow.collection)
        .join(DocumentRow, DocumentRow.id == SourceItemRow.document_id)
        .where(SourceItemRow.source_id == row.id, DocumentRow.deleted_at.is_(None), ~_held_by_another())
    )
    found = session.execute(query)
    return {key: id_ for key, id_, access, collection in found if principal.may_see(access, collection)}


def _held_by_another() -> Any:
    """Whether another source has the item, too, under the same name, and does not miss it."""
    other = aliased(SourceItemRow)
    return exists().where(
        other.document_id == SourceItemRow.document_id,
        other.key == SourceItemRow.key,
        other.source_id != SourceItemRow.source_id,
        other.missing_since.is_(None),
    )


def _pushed_documents(session: Session, collection: str, prefix: str, principal: Principal) -> dict[str, str]:
    """Return the ids of the documents under `prefix` that the principal may see, by source_id."""
    query = (
        select(SourceIdRow.source_id, DocumentRow.id, DocumentRow.access)
        .join(DocumentRow, DocumentRow.id == SourceIdRow.document_id)
        .where(SourceIdRow.collection == collection, SourceIdRow.source_id.startswith(prefix, autoescape=True))
    )
    return {
        source_id: document_id
        for source_id, document_id, access in session.execute(query)
        if source_id.startswith(prefix) and principal.may_see(access, collection)  # LIKE ignores case
    }


def _row(new: NewSource, principal: Principal, next_run_at: float | None) -> SourceRow:
    return SourceRow(
        id=f"src_{secrets.token_hex(8)}",
        kind=new.kind,
        location=new.location,
        collection=new.collection,
        access=list(new.access),
        options=new.options,
        run_as={
            "name": principal.name,
            "scopes": sorted(str(scope) for scope in principal.scopes),
            "groups": sorted(principal.groups),
            "collections": None if principal.collections is None else sorted(principal.collections),
        },
        interval_s=new.interval_s,
        grace_s=new.grace_s,
        created_at=time.time(),
        next_run_at=next_run_at,
        lease_until=0.0,
    )


def _source(row: SourceRow) -> Source:
    collections = row.run_as.get("collections")  # those of an earlier release read all
    return Source(
        id=row.id,
        kind=SourceKind(row.kind),
        location=row.location,
        collection=row.collection,
        access=tuple(row.access),
        options=row.options,
        interval_s=row.interval_s,
        grace_s=row.grace_s,
        run_as=Principal(
            name=row.run_as["name"],
            scopes=frozenset(Scope(scope) for scope in row.run_as["scopes"]),
            groups=frozenset(row.run_as["groups"]),
            collections=None if collections is None else frozenset(collections),
        ),
        created_at=row.created_at,
        next_run_at=row.next_run_at,
        is_running=row.lease_until >= time.time(),
        last_run=row.last_run,
    )


def _item(row: SourceItemRow, deleted_at: float | None) -> Item:
    return Item(
        key=row.key,
        document_id=row.document_id,
        validator=row.validator,
        links=tuple(row.links),
        problem=row.problem,
        missing_since=row.missing_since,
        is_live=deleted_at is None,
    )
