"""Brings a database to the schema of this version.

A new database gets the schema at once and is stamped with the newest revision; an older one is upgraded by
``centrala migrate`` (Alembic), never behind the operator's back.

So that a new version can be rolled out while processes of the old one go on, a schema says which programs it serves
besides its own: those from the revision :data:`SERVES` on. Steps only add (tables, columns with a default, indexes) as
long as that is so; what is no longer needed is taken away a version later, and moves :data:`SERVES` up.
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, MetaData, String, Table, delete, func, insert, inspect, select

from . import schema

HEAD = "0014"
"""The newest Alembic revision; a test compares it with the migrations folder."""

SERVES = "0008"
"""The oldest revision whose programs can go on with a database of :data:`HEAD`: move it up in a step that takes away or
changes what they use."""

MOVE_TABLE = "centrala_move"
"""There while data is moved into a database, see :mod:`hub.moving.target`."""

_MAKING = 0x63656E7472616C61
"""Key of the advisory lock under which the schema is made ("centrala" as a number)."""

_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))

_TO_INDEX = "INSERT INTO search (rowid, words, reach) VALUES (new.message, new.words, new.reach)"
_FROM_INDEX = (
    "INSERT INTO search (search, rowid, words, reach) VALUES ('delete', old.message, old.words, old.reach)"
)

SEARCH_INDEX = {
    # The words are folded already (neither engine folds the Polish l with stroke), so both split at spaces only.
    # The triggers keep the index right whoever changes search_doc: the follower, a merge, an erasure.
    "sqlite": (
        "CREATE VIRTUAL TABLE search USING fts5("
        "words, reach, content = 'search_doc', content_rowid = 'message', tokenize = 'unicode61')",
        f"CREATE TRIGGER search_doc_added AFTER INSERT ON search_doc BEGIN {_TO_INDEX}; END",
        f"CREATE TRIGGER search_doc_removed AFTER DELETE ON search_doc BEGIN {_FROM_INDEX}; END",
        "CREATE TRIGGER search_doc_changed AFTER UPDATE OF words, reach ON search_doc "
        f"BEGIN {_FROM_INDEX}; {_TO_INDEX}; END",
    ),
    "postgresql": ("CREATE INDEX search_doc_words ON search_doc USING gin (to_tsvector('simple', words))",),
}


class WrongSchema(Exception):
    """The database is of another version than the program."""


def ensure_schema(connection: Connection) -> None:
    """Make the schema in a new database. Raises WrongSchema for one of another version."""
    if connection.dialect.name == "postgresql":
        # Several processes may start on a new database at once: one makes the schema, the others wait and find it.
        connection.execute(select(func.pg_advisory_xact_lock(_MAKING)))
    names = set(inspect(connection).get_table_names())
    if "alembic_version" in names:
        _check(connection)
        return
    if MOVE_TABLE in names:
        raise WrongSchema(
            "a move into the database has not ended: run `centrala migrate --from … --to …` again"
        )
    if "conversation" in names:
        raise WrongSchema("the database has Centrala's tables but no version: restore it from a backup")
    create(connection)
    _version.create(connection)
    connection.execute(insert(_version).values(version_num=HEAD))
    stamp(connection)


def _check(connection: Connection) -> None:
    found = str(connection.execute(select(_version.c.version_num)).scalar())
    if found == HEAD or (found > HEAD and _serves(connection) <= HEAD):
        return
    if found > HEAD:
        raise WrongSchema(
            f"the database has schema {found} and serves programs from {_serves(connection)} on, this program is of "
            f"{HEAD}: install the newer version"
        )
    raise WrongSchema(
        f"the database has schema {found}, this program needs {HEAD}: back up, then run `centrala migrate`"
    )


def _serves(connection: Connection) -> str:
    """The oldest programs that the database says it serves; its own where it says nothing."""
    kept = select(schema.setting.c.value).where(schema.setting.c.name == _SERVES)
    return str(
        connection.execute(kept).scalar() or connection.execute(select(_version.c.version_num)).scalar()
    )


def stamp(connection: Connection) -> None:
    """Have the database say which programs it serves."""
    setting = schema.setting
    connection.execute(delete(setting).where(setting.c.name == _SERVES))
    connection.execute(insert(setting).values(name=_SERVES, value=SERVES))


_SERVES = "schema-serves"


def create(connection: Connection) -> None:
    """All tables, and the rows that must be there from the start."""
    schema.metadata.create_all(connection)
    for statement in SEARCH_INDEX[connection.dialect.name]:
        connection.exec_driver_sql(statement)
    connection.execute(insert(schema.id_block).values(name="id", next=1))
    connection.execute(insert(schema.stream_head).values(id=1, place=0))
