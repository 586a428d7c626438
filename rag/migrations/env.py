"""Alembic's entry point: runs inside the connection that `rag.database.migrate` opens."""

from alembic import context

from rag.site_tables import SiteRow

context.configure(
    connection=context.config.attributes["connection"], target_metadata=SiteRow.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
