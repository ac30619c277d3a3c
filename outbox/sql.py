"""Runs the few hand-written statements: bound by the server and prepared, inside Django's own transaction.

Django binds parameters on the client and plans every statement anew; on the hot paths that costs up to 0.4 ms.
"""

from collections import namedtuple
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

BETWEEN, NOTHING = "\x1f", "\x1e"


def rows(statement: str, params: Mapping[str, Any] | None = None) -> list[Any]:
    """The rows the statement returns, as named tuples; [] when it returns none. Errors are Django's."""
    django = connections[DEFAULT_DB_ALIAS]  # not its proxy, which looks this up for every attribute
    if django.connection is None:
        django.ensure_connection()
    with django.wrap_database_errors:
        cursor = _cursor_of(django.connection)
        cursor.execute(statement, params, prepare=True)
        if not (cursor.pgresult and cursor.pgresult.nfields):
            return []
        shape = _shapes.get(statement) or _shape_of(statement, cursor)
        return [shape._make(row) for row in cursor.fetchall()]


def _cursor_of(connection: Any) -> psycopg.Cursor[Any]:
    """The connection's one cursor of ours, kept with it: making a cursor costs as much as a short statement."""
    try:
        cursor: psycopg.Cursor[Any] = connection.kept_cursor
    except AttributeError:
        cursor = connection.kept_cursor = psycopg.Cursor(connection)
    return cursor


_shapes: dict[str, Any] = {}  # the named tuple of each statement's rows: describing them anew costs more than the row


def _shape_of(statement: str, cursor: psycopg.Cursor[Any]) -> Any:
    shape = _shapes[statement] = namedtuple("Row", [column.name for column in cursor.description or ()], rename=True)
    return shape


def one(statement: str, params: Mapping[str, Any] | None = None) -> Any:
    """The first row, or None."""
    found = rows(statement, params)
    return found[0] if found else None


def joined(values: Iterable[Any]) -> str:
    """A column of values as one text, which the statement takes apart: string_to_array(%(x)s, E'\\x1f', E'\\x1e')::type[].

    The driver writes arrays element by element in Python; this is ten times faster. Bytes arrive in hexadecimal, as
    \\x…. No value may be the empty text, which PostgreSQL would read as no row. A column that holds nothing but None is no
    row as well: unnest() makes it as long as the others, with NULLs.
    """
    texts = [value if type(value) is str else _text(value) for value in values]
    if texts.count(NOTHING) == len(texts):
        return ""
    column = BETWEEN.join(texts)
    if column.count(BETWEEN) != len(texts) - 1:
        raise ValueError("a value holds a control character")
    return column


def _text(value: Any) -> str:
    if value is None:
        return NOTHING
    return f"\\x{value.hex()}" if type(value) is bytes else str(value)
