"""Finds people by the beginnings of words of a name, by the domain of an address, and by how an address begins."""

from collections.abc import Sequence

from outbox import sql
from waitlist.models import Entry, Launch

# Each word with a letter for what it is: n(ame), d(omain). The index and the look-up must say it alike. One inverted index
# instead of two trees: its entries are gathered and put in by the hundred, so that a join pays little for it.
WORDS = r"""array_to_tsvector(string_to_array(
    'n' || regexp_replace(lower(left(name, 200)), '[^[:alnum:]]+', ' n', 'g') || ' d' || split_part(canonical, '@', 2), ' '))"""
INDEX = f"CREATE INDEX entry_words ON waitlist_entry USING gin (({WORDS})) WHERE status <> 'erased'"
UNDO_INDEX = "DROP INDEX entry_words"
LAST = "\U0010ffff"  # sorts behind every character

# Planned as if all were wanted, so that the index is taken for what is rare; read only as far as is shown.
FIND = f"""
WITH found AS MATERIALIZED (SELECT id FROM waitlist_entry WHERE status <> 'erased' AND {WORDS} @@ %(words)s::tsquery)
SELECT id FROM found LIMIT %(most)s
"""  # noqa: S608 - of our own words alone


def quoted(letter: str, word: str, *, prefix: bool) -> str:
    """One word as PostgreSQL reads it."""
    text = f"{letter}{word.lower()}".replace("\\", "\\\\").replace("'", "''")
    return f"'{text}'{':*' if prefix else ''}"


def ids_with(words: Sequence[str], most: int) -> list[int]:
    """Who has all of these (quoted) words; no more than `most`."""
    return [row.id for row in sql.rows(FIND, {"words": " & ".join(words), "most": most})]


def ids_beginning(kind: str, text: str, most: int) -> list[int]:
    """Whose address or number begins so, read off the index that keeps addresses apart; no more than `most`."""
    launches = list(Launch.objects.values_list("pk", flat=True))
    range_of = Entry.objects.filter(
        launch__in=launches, contact_kind=kind, canonical__gte=text, canonical__lt=text + LAST
    )
    return list(range_of.exclude(status="erased").values_list("pk", flat=True)[:most])
