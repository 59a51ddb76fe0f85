"""The journal (记录): the hall's truth, its bus and its outbox in one SQLite file.

`open_journal` opens it, `Journal` is what everybody holds. The specification is
`docs/reference/journal-store.md`, the reasons are in `docs/explanations/journal.md`.
"""

from somc.journal.committer import Stats
from somc.journal.entry import Entry, Person, StoredAnswer, Token
from somc.journal.journal import Journal
from somc.journal.opening import open_journal
from somc.journal.record import Record

__all__ = ["Entry", "Journal", "Person", "Record", "Stats", "StoredAnswer", "Token", "open_journal"]
