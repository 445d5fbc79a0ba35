"""Alembic's entry point: it migrates over the connection that :func:`hub.store.upgrade.upgrade` hands it."""

from __future__ import annotations

from alembic import context

from hub.store.schema import metadata

connection = context.config.attributes["connection"]
# SQLite cannot change a column in place: Alembic then copies the table.
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
