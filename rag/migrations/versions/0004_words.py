"""The words of every chunk, and their index: FTS5 in SQLite, GIN over tsvector in PostgreSQL"""

import sqlalchemy as sa
from alembic import op

from rag.lexical.words import chunk_words

revision = "0004"
down_revision = "0003"
FILLED_AT_ONCE = 1000


def upgrade() -> None:
    op.create_index(op.f("ix_versions_language"), "versions", ["language"])
    if op.get_bind().dialect.name == "sqlite":
        _number_chunks_in_sqlite()
        _fill_words()
        _index_words_in_sqlite()
    else:
        op.execute("ALTER TABLE chunks ADD COLUMN number BIGSERIAL")
        op.drop_constraint("pk_chunks", "chunks")
        op.create_primary_key("pk_chunks", "chunks", ["number"])
        op.create_unique_constraint("uq_chunks_id", "chunks", ["id"])
        op.add_column("chunks", sa.Column("words", sa.Text(), nullable=False, server_default=""))
        _fill_words()
        op.alter_column("chunks", "words", server_default=None)
        op.execute(
            "ALTER TABLE chunks ADD COLUMN vector tsvector "
            "GENERATED ALWAYS AS (array_to_tsvector(string_to_array(words, ' '))) STORED"
        )
        op.execute("CREATE INDEX ix_chunks_vector ON chunks USING gin (vector)")


def _number_chunks_in_sqlite() -> None:
    op.create_table(
        "chunks_numbered",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("section", sa.String(), nullable=True),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id", "version"],
            ["versions.document_id", "versions.version"],
            name=op.f("fk_chunks_document_id"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_chunks")),
        sa.UniqueConstraint("id", name=op.f("uq_chunks_id")),
    )
    named = 'id, document_id, version, ordinal, text, context, page, section, start, "end"'
    op.execute(f"INSERT INTO chunks_numbered ({named}, words) SELECT {named}, '' FROM chunks ORDER BY id")  # noqa: S608
    op.drop_table("chunks")
    op.rename_table("chunks_numbered", "chunks")
    op.create_index("ix_chunks_document_version", "chunks", ["document_id", "version"])


def _fill_words() -> None:
    connection, last = op.get_bind(), 0
    chunks = sa.table("chunks", *map(sa.column, ("number", "document_id", "version", "context", "text", "words")))
    versions = sa.table("versions", *map(sa.column, ("document_id", "version", "language")))
    same = (versions.c.document_id == chunks.c.document_id) & (versions.c.version == chunks.c.version)
    query = sa.select(chunks.c.number, chunks.c.context, chunks.c.text, versions.c.language).join(versions, same)
    fill = sa.update(chunks).where(chunks.c.number == sa.bindparam("n")).values(words=sa.bindparam("w"))
    ordered = query.order_by(chunks.c.number).limit(FILLED_AT_ONCE)
    while rows := connection.execute(ordered.where(chunks.c.number > last)).all():
        connection.execute(fill, [{"n": n, "w": chunk_words(context, text, tag)} for n, context, text, tag in rows])
        last = rows[-1].number


def _index_words_in_sqlite() -> None:
    """Index the words outside the table that holds them; triggers keep both alike within every transaction."""
    op.execute(
        "CREATE VIRTUAL TABLE lexical USING fts5(words, content='chunks', content_rowid='number', tokenize='ascii')"
    )
    op.execute("CREATE VIRTUAL TABLE lexical_terms USING fts5vocab(lexical, 'row')")
    op.execute(
        "CREATE TRIGGER chunks_inserted AFTER INSERT ON chunks BEGIN "
        "INSERT INTO lexical(rowid, words) VALUES (new.number, new.words); END"
    )
    op.execute(
        "CREATE TRIGGER chunks_deleted AFTER DELETE ON chunks BEGIN "
        "INSERT INTO lexical(lexical, rowid, words) VALUES ('delete', old.number, old.words); END"
    )
    op.execute(
        "CREATE TRIGGER chunks_updated AFTER UPDATE OF words ON chunks BEGIN "
        "INSERT INTO lexical(lexical, rowid, words) VALUES ('delete', old.number, old.words); "
        "INSERT INTO lexical(rowid, words) VALUES (new.number, new.words); END"
    )
    op.execute("INSERT INTO lexical(lexical) VALUES ('rebuild')")
