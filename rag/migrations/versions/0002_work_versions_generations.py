"""Work apart from versions, names apart from documents, index generations, audit. To go back, restore a backup."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _new_tables()
    op.add_column("documents", sa.Column("purged_at", sa.Double(), nullable=True))
    op.create_index("ix_documents_created_at", "documents", ["created_at"])
    for name in ("author", "written_at", "modified_at", "language"):
        op.add_column("versions", sa.Column(name, sa.String(), nullable=True))
    for name in ("warnings", "page_sizes"):
        op.add_column("versions", sa.Column(name, sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("versions", sa.Column("boxes", sa.LargeBinary(), nullable=True))
    _move_data()
    op.drop_index("uq_documents_live_source", "documents")
    op.drop_column("documents", "source_id")
    for name in ("lease_owner", "lease_until", "not_before"):
        op.drop_column("versions", name)


def _new_tables() -> None:
    op.create_table(
        "source_ids",
        sa.Column("collection", sa.String(), primary_key=True),
        sa.Column("source_id", sa.String(), primary_key=True),
        sa.Column("document_id", sa.String(), sa.ForeignKey("documents.id"), nullable=False, index=True),
        sa.Column("created_at", sa.Double(), nullable=False),
    )
    op.create_table(
        "work",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), sa.ForeignKey("documents.id"), nullable=False, index=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("queued_at", sa.Double(), nullable=False),
        sa.Column("not_before", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=False),
    )
    op.create_index("ix_work_lane_queued_at", "work", ["lane", "queued_at"])
    op.create_table(
        "lanes",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("claimed_at", sa.Double(), nullable=False),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
    )
    op.create_table(
        "generations",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("query_prefix", sa.String(), nullable=False),
        sa.Column("passage_prefix", sa.String(), nullable=False),
        sa.Column("send_input_type", sa.Boolean(), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("max_tokens", sa.Integer(), nullable=False),
        sa.Column("index_name", sa.String(), nullable=False, unique=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("switched_at", sa.Double(), nullable=True),
    )
    op.create_table(
        "indexed",
        sa.Column("generation", sa.Integer(), sa.ForeignKey("generations.id"), primary_key=True),
        sa.Column("document_id", sa.String(), sa.ForeignKey("documents.id"), primary_key=True, index=True),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False, index=True),
        sa.Column("detail", sa.JSON(), nullable=False),
    )


def _move_data() -> None:
    """Names of live documents; work of what waits, and of what is deleted and not yet purged."""
    now = time.time()
    run = op.get_bind().exec_driver_sql  # colons are no parameters here
    run(
        "INSERT INTO source_ids (collection, source_id, document_id, created_at) "
        "SELECT collection, source_id, id, created_at FROM documents "
        "WHERE deleted_at IS NULL AND source_id IS NOT NULL"
    )
    columns = (
        "INSERT INTO work (id, kind, document_id, version, generation, lane, size_bytes, queued_at, not_before, "
        "attempts, strikes, lease_until) "
    )
    run(
        f"{columns} SELECT 'ingest:' || v.document_id || ':' || v.version || ':0', 'ingest', v.document_id, v.version, "  # noqa: S608
        f"0, d.collection, v.size_bytes, {now!r}, 0, 0, 0, 0 FROM versions v JOIN documents d ON d.id = v.document_id "
        "WHERE d.deleted_at IS NULL AND v.status IN ('queued', 'processing')"
    )
    run(
        f"{columns} SELECT 'clean:' || d.id || ':0:0', 'clean', d.id, 0, 0, ':clean', 0, {now!r}, 0, 0, 0, 0 "  # noqa: S608
        "FROM documents d WHERE d.deleted_at IS NOT NULL"
    )
    run("INSERT INTO lanes (name, claimed_at) SELECT DISTINCT lane, 0 FROM work")
    run("UPDATE versions SET status = 'queued' WHERE status = 'processing'")
