"""Sources"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "sources",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("location", sa.String(), nullable=False),
        sa.Column("collection", sa.String(), nullable=False),
        sa.Column("access", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("run_as", sa.JSON(), nullable=False),
        sa.Column("interval_s", sa.Double(), nullable=True),
        sa.Column("grace_s", sa.Double(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("next_run_at", sa.Double(), nullable=True),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=False),
        sa.Column("last_run", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
        sa.UniqueConstraint("kind", "location", "collection", name=op.f("uq_sources_kind")),
    )
    op.create_index(op.f("ix_sources_next_run_at"), "sources", ["next_run_at"])
    op.create_table(
        "source_items",
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=True),
        sa.Column("validator", sa.String(), nullable=True),
        sa.Column("links", sa.JSON(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("missing_since", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_source_items_source_id")),
        sa.PrimaryKeyConstraint("source_id", "key", name=op.f("pk_source_items")),
    )
    op.create_index(op.f("ix_source_items_document_id"), "source_items", ["document_id"])


def downgrade() -> None:
    op.drop_table("source_items")
    op.drop_table("sources")
