"""Connections to PostgreSQL by its URL, as PostgreSQL's own programs read it.

asyncpg itself reads the URL, so what libpq knows works: ``sslmode=verify-full``, ``sslrootcert``, several hosts with
``target_session_attrs=read-write``, of which a standby that took over is found. SQLAlchemy would understand none of it,
and ``pg_dump`` would understand nothing else.
"""

from __future__ import annotations

from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine


def engine_of(
    url: str, password: str | None = None, *, connect: dict[str, Any] | None = None, **pool: Any
) -> AsyncEngine:
    """An engine for ``postgresql://…``; ``connect`` goes to :func:`asyncpg.connect`, ``pool`` to the engine.

    Nothing is connected yet, and a URL that cannot be read is told at the first connection. What a query was asked
    with never stands in an error's text.
    """

    async def connected() -> Any:
        return await asyncpg.connect(url, password=password, **(connect or {}))

    return create_async_engine("postgresql+asyncpg://", async_creator=connected, hide_parameters=True, **pool)
