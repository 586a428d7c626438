"""Migrations: a registry of an earlier release comes to the newest schema, nothing lost and nothing doubled."""

from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, insert, select, table, text
from sqlalchemy import column as named

from rag.candidates import Candidates
from rag.database import MIGRATIONS, migrate
from rag.generations import Generations
from rag.leases import Leases
from rag.registry import Registry
from rag.serving import Serving
from rag.site_tables import SiteRow
from rag.tables import LaneRow, SourceIdRow
from rag.types import Mode, Search, Status
from rag.work import Kind
from tests.rag.conftest import ADMIN, LEASE_S, extracted, generation, shown, take, upload

DOCUMENT = {
    "collection": "default",
    "source_id": None,
    "serving": None,
    "meta": "{}",
    "access": "[]",
    "created_at": 1.5,
}
VERSION: dict[str, Any] = {
    "version": 1,
    "filename": "rules.md",
    "sha256": "a" * 64,
    "size_bytes": 7,
    "media_type": "text/markdown",
    "status": "ready",
    "done": 0,
    "total": 0,
    "unit": "",
    "chunks": 0,
    "attempts": 0,
    "lease_until": 0.0,
    "not_before": 0.0,
    "created_at": 1.5,
}
FAILURE = {"error_type": "broken-document", "error_title": "Broken", "error_detail": "Save it anew."}
DOCUMENTS: list[dict[str, Any]] = [
    {"id": "doc_ready", "source_id": "hr/rules", "serving": 2, "meta": '{"owner": "HR"}', "access": '["finance"]'},
    {"id": "doc_queued", "source_id": "hr/queued", "collection": "archive"},
    {"id": "doc_working"},
    {"id": "doc_failed"},
    {"id": "doc_deleted", "source_id": "hr/rules", "serving": 1, "deleted_at": 9.0},
]
VERSIONS: list[dict[str, Any]] = [
    {"document_id": "doc_ready", "chunks": 1},
    {"document_id": "doc_ready", "version": 2, "chunks": 2, "title": "Rules", "text": "six days seven days"},
    {"document_id": "doc_ready", "version": 3, "status": "queued", "attempts": 2, "not_before": 1e12, **FAILURE},
    {"document_id": "doc_queued", "status": "queued", "size_bytes": 5_000_000_000},
    {"document_id": "doc_working", "status": "processing", "lease_owner": "gone", "lease_until": 1e12, "attempts": 4},
    {"document_id": "doc_failed", "status": "failed", **FAILURE},
    {"document_id": "doc_deleted", "chunks": 1, "status": "queued"},
]
CHUNKS = [("doc_ready", 2, 0, "six days"), ("doc_ready", 2, 1, "seven days"), ("doc_deleted", 1, 0, "gone")]


@pytest.fixture
def old(empty_engine: Engine) -> Engine:
    """A registry as revision 0001 leaves it."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with empty_engine.connect().execution_options(writes=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        run = connection.exec_driver_sql
        run("INSERT INTO collections (name, created_at) VALUES ('default', 1.5), ('archive', 1.5)")
        for row in DOCUMENTS:
            _insert(connection, "documents", {**DOCUMENT, **row})
        for row in VERSIONS:
            _insert(connection, "versions", {**VERSION, **row})
        for document, version, ordinal, words in CHUNKS:
            values = {"id": f"{document}.{version}.{ordinal}", "document_id": document, "version": version}
            more = {"ordinal": ordinal, "text": words, "context": "Rules", "start": 0, "end": len(words)}
            _insert(connection, "chunks", values | more)
        connection.commit()
    return empty_engine


def _insert(connection: Any, name: str, values: dict[str, Any]) -> None:
    connection.execute(insert(table(name, *(named(key) for key in values))).values(**values))


def head(engine: Engine) -> Engine:
    migrate(engine.url.render_as_string(hide_password=False))
    return engine


def test_nothing_that_was_served_is_lost(old: Engine) -> None:
    registry = Registry(head(old))

    document = registry.document("doc_ready", ADMIN)

    assert (document.serving, document.metadata, document.access) == (2, {"owner": "HR"}, ("finance",))
    assert document.source_ids == ("hr/rules",)
    assert [(one.version, one.status, one.chunks) for one in document.versions] == [
        (1, Status.READY, 1),
        (2, Status.READY, 2),
        (3, Status.QUEUED, 0),
    ]
    assert document.versions[1].title == "Rules"
    assert document.versions[1].warnings == ()
    assert shown(registry, document) == ["six days", "seven days"]
    assert len(registry.documents(ADMIN)[0]) == 4


def test_what_was_waiting_or_being_worked_on_is_work_once_and_nothing_else_is(old: Engine) -> None:
    leases = Leases(head(old))
    found: list[tuple[str, str, int, bool]] = []

    while claim := leases.claim(f"worker {len(found)}", LEASE_S):
        found.append((claim.work.kind, claim.document.id, claim.work.version, claim.is_deleted))

    assert found[0] == (Kind.CLEAN, "doc_deleted", 0, True)
    assert sorted(found[1:]) == [
        (Kind.INGEST, "doc_queued", 1, False),
        (Kind.INGEST, "doc_ready", 3, False),
        (Kind.INGEST, "doc_working", 1, False),
    ]


def test_every_lane_of_the_work_is_known(old: Engine) -> None:
    with head(old).connect() as connection:
        assert set(connection.scalars(select(LaneRow.name))) == {"default", "archive", ":clean"}


def test_a_failed_document_keeps_its_reason_and_may_be_tried_again(old: Engine) -> None:
    registry = Registry(head(old))

    failed = registry.document("doc_failed", ADMIN).latest
    registry.reprocess("doc_failed", ADMIN)

    assert (failed.status, failed.failure and failed.failure.detail) == (Status.FAILED, "Save it anew.")
    assert registry.document("doc_failed", ADMIN).latest.status == Status.QUEUED


def test_a_name_goes_on_meaning_the_live_document(old: Engine) -> None:
    registry = Registry(head(old))

    document, is_new = registry.add(upload("new rules", source_id="hr/rules"), ADMIN)

    assert is_new
    assert (document.id, document.latest.version) == ("doc_ready", 4)
    with old.connect() as connection:
        assert connection.scalar(select(SourceIdRow.document_id).where(SourceIdRow.source_id == "hr/rules"))


def test_work_goes_on_where_it_stood(old: Engine) -> None:
    engine = head(old)
    Generations(engine).first(generation("first"))
    serving, registry, leases = Serving(engine), Registry(engine), Leases(engine)
    document = registry.document("doc_ready", ADMIN)

    serving.switch(take(leases, document).work, extracted("eight days"), 1)

    assert shown(registry, document) == ["eight days"]


def test_chunks_of_an_older_registry_are_found_by_their_words(old: Engine) -> None:
    migrate(old.url.render_as_string(hide_password=False))
    search = Search(text="seven", principal=ADMIN, top_k=5, mode=Mode.LEXICAL)

    found = Candidates(old).read(search, {}, limit=5)

    assert [(one.hit.chunk_id, one.words) for one in found.candidates] == [("doc_ready.2.1", "rule seven day")]


def _is_in_the_models(_object: object, name: str | None, _kind: str, _reflected: bool, _other: object) -> bool:
    """The index of words is the database's own affair: FTS5's tables, PostgreSQL's column of vectors."""
    return not (name or "").startswith("lexical") and name not in {"vector", "ix_chunks_vector"}


def test_the_newest_schema_is_what_the_tables_say(engine: Engine) -> None:
    with engine.connect() as connection:
        opts = {"compare_type": True, "include_object": _is_in_the_models}
        context = MigrationContext.configure(connection, opts=opts)

        assert compare_metadata(context, SiteRow.metadata) == []


def test_migrating_again_changes_nothing(old: Engine) -> None:
    before = len(Registry(head(old)).documents(ADMIN)[0])

    assert len(Registry(head(old)).documents(ADMIN)[0]) == before
    with old.connect() as connection:
        newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == newest
