"""Traces of answers, what people thought of them, and the eval cases made of them"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    _traces()
    _feedback()
    _cases()


def _traces() -> None:
    op.create_table(
        "traces",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("principal", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("ended", sa.String(), nullable=False),
        sa.Column("question", sa.Text(), nullable=True),
        sa.Column("search", sa.JSON(), nullable=False),
        sa.Column("text", sa.JSON(), nullable=True),
        sa.Column("abstained", sa.Boolean(), nullable=False),
        sa.Column("withheld", sa.String(), nullable=False),
        sa.Column("generator", sa.String(), nullable=True),
        sa.Column("routed", sa.String(), nullable=False),
        sa.Column("prompt", sa.String(), nullable=False),
        sa.Column("usage", sa.JSON(), nullable=False),
        sa.Column("timings", sa.JSON(), nullable=False),
        sa.Column("evidence", sa.Double(), nullable=True),
        sa.Column("candidates", sa.LargeBinary(), nullable=False),
        sa.Column("citations", sa.JSON(), nullable=False),
        sa.Column("dropped_marks", sa.Integer(), nullable=False),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_traces")),
    )
    op.create_index(op.f("ix_traces_at"), "traces", ["at"])
    op.create_index(op.f("ix_traces_conversation_id"), "traces", ["conversation_id"])
    op.create_table(
        "trace_documents",
        sa.Column("trace_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trace_id"], ["traces.id"], name=op.f("fk_trace_documents_trace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trace_id", "document_id", "version", name=op.f("pk_trace_documents")),
    )
    op.create_index(op.f("ix_trace_documents_document_id"), "trace_documents", ["document_id"])


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("trace_id", sa.String(), nullable=False),
        sa.Column("principal", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("rating", sa.String(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["trace_id"], ["traces.id"], name=op.f("fk_feedback_trace_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trace_id", "principal", name=op.f("pk_feedback")),
    )


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("trace_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("collections", sa.JSON(), nullable=True),
        sa.Column("answerable", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("trace_id", name=op.f("uq_cases_trace_id")),
    )
    op.create_table(
        "case_documents",
        sa.Column("case_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_documents_case_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("case_id", "document_id", name=op.f("pk_case_documents")),
    )
    op.create_index(op.f("ix_case_documents_document_id"), "case_documents", ["document_id"])


def downgrade() -> None:
    for table in ("case_documents", "cases", "feedback", "trace_documents", "traces"):
        op.drop_table(table)
