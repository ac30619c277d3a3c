"""The few statements written by hand are prepared on the server: Django forbids it unless the settings allow it."""

import pytest
from django.db import connection, transaction

from outbox import sql

pytestmark = pytest.mark.django_db(transaction=True)


def prepared(statement: str) -> int:
    """How many such statements the server keeps for this session."""
    found = sql.one(
        "SELECT count(*) AS n FROM pg_prepared_statements WHERE statement LIKE %(like)s", {"like": statement}
    )
    return int(found.n)


def test_a_statement_is_prepared_at_its_first_use() -> None:
    sql.one("SELECT 41 AS hot")
    assert prepared("SELECT 41 AS hot") == 1


def test_a_rollback_forgets_it_and_the_next_use_prepares_it_anew() -> None:
    with transaction.atomic():
        sql.one("SELECT 42 AS hot")
        transaction.set_rollback(True)
    assert sql.one("SELECT 42 AS hot").hot == 42
    assert prepared("SELECT 42 AS hot") == 1


def test_the_orms_own_statements_are_not() -> None:
    with connection.cursor() as cursor:
        for _n in range(10):
            cursor.execute("SELECT 43 AS cold")
    assert prepared("SELECT 43 AS cold") == 0
