"""Sites, their visitors' sessions, and the questions that these asked in a day"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "sites",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("origins", sa.JSON(), nullable=False),
        sa.Column("collections", sa.JSON(), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("visitor_questions_per_day", sa.Integer(), nullable=False),
        sa.Column("questions_per_day", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sites")),
        sa.UniqueConstraint("key", name=op.f("uq_sites_key")),
    )
    op.create_table(
        "site_sessions",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("visitor", sa.String(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_site_sessions_site_id")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_site_sessions")),
    )
    op.create_index("ix_site_sessions_site_id_visitor", "site_sessions", ["site_id", "visitor"])
    op.create_index(op.f("ix_site_sessions_expires_at"), "site_sessions", ["expires_at"])
    op.create_table(
        "site_counts",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("visitor", sa.String(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_site_counts_site_id")),
        sa.PrimaryKeyConstraint("site_id", "day", "visitor", name=op.f("pk_site_counts")),
    )
    op.create_index(op.f("ix_site_counts_day"), "site_counts", ["day"])
    op.create_table(
        "daily_salts",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_daily_salts")),
    )


def downgrade() -> None:
    for name in ("daily_salts", "site_counts", "site_sessions", "sites"):
        op.drop_table(name)
