"""The journal: append, read after, wait. The hall's truth, its bus and its outbox.

What must stay true: `seq` has no gap and `at` never runs backwards; nothing is shown to anybody before
it is synced; what one entry holds is on disk whole or not at all; after a failed commit the journal
takes nothing more; phones and names are written sealed and nowhere else.

One task (`run`) writes; one task (the decider) enqueues records; everybody may read and wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import apsw
import trio

from somc.errors import StoreError, UsageError
from somc.journal import answers, messages, people, positions, records, snapshots, tokens
from somc.journal.answers import AnswerIndex
from somc.journal.chain import check_shape
from somc.journal.committer import Committer, Stats, Work
from somc.journal.connection import Connection
from somc.journal.entry import Entry, Person, StoredAnswer, Token, code_id
from somc.journal.messages import Letter, LogQuery, LogRow
from somc.journal.people import PeopleKey, Reservations
from somc.journal.record import Record
from somc.journal.ring import Ring
from somc.journal.tokens import TokenIndex
from somc.journal.upcasting import lift

__all__ = ["Journal", "Opened"]

PRUNED_EVERY_MS = 3_600_000
KEY_NAME = "people.key"
LOOKED_EVERY_S = 0.2
"""How often a reading process looks for what the writing one has added."""

PAGE_MOST = 5_000
"""Records in one read, whatever is asked for: a page is held in memory whole."""


@dataclass(slots=True)
class Opened:
    """What opening a store has found; made by `open_journal`."""

    path: Path
    epoch: str
    head: int
    last_at: int
    chain: bytes
    ring: Ring
    positions: dict[str, int]
    answers: AnswerIndex
    tokens: TokenIndex
    key: PeopleKey | None
    reader: Connection
    writer: Connection | None
    clock_ms: Callable[[], int]


class Journal:
    """An open journal; see `open_journal`.

    `path` is the database file, `epoch` names this journal from its first record on, `head` is the
    last durable seq, `last_at` its time (Unix ms), `chain` its hash.
    """

    def __init__(self, opened: Opened) -> None:
        self.path = opened.path
        self.epoch = opened.epoch
        self.head = opened.head
        self.last_at = opened.last_at
        self.chain = opened.chain
        self._ring = opened.ring
        self._positions = opened.positions
        self._moved: set[str] = set()
        self._answers = opened.answers
        self._answers_coming: dict[bytes, tuple[StoredAnswer, Work]] = {}
        self._tokens = opened.tokens
        self._key = opened.key
        self._reservations = Reservations()
        self._reader = opened.reader
        self._clock_ms = opened.clock_ms
        self._committer = None if opened.writer is None else Committer(opened.writer, self._late)
        self._pruned_at: int | None = None
        # What was queued, and what the committer's thread has written, run ahead of what is durable.
        self._queued_seq = opened.head
        self._queued_at = opened.last_at
        self._written_chain = opened.chain
        self._seqs: dict[int, trio.Event] = {}
        self._advanced = trio.Event()
        self._refreshing = trio.Lock()
        self.looked_every_s = LOOKED_EVERY_S
        """Of a journal open for reading only: how often it looks for what the writing process has added."""
        if self._committer is not None:
            self._committer.on_commit = self._batch_written
            self._committer.on_stop = self._release_all

    # --- writing ---------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The committer's task. Cancelled, it first writes what was queued.

        Raises StoreFull or another StoreError when a batch cannot be written: nothing of that batch was
        kept, everybody who waits gets the error, and the journal takes nothing more.
        """
        await self._writing().run(task_status=task_status)

    async def enqueue(self, entry: Entry) -> None:
        """Queue an entry, in order; waits only while the queue is full. Cancelled means not queued.

        Raises UsageError for a record out of sequence, back in time or not exportable, StoreError when
        the journal has failed, ShuttingDown when it is closed.
        """
        await self._enqueue(entry)

    async def append(self, entry: Entry) -> None:
        """Enqueue and return when the entry is on disk. Cancelling the wait does not undo the entry."""
        work = await self._enqueue(entry)
        await self._writing().wait(work)

    async def wait_durable(self, seq: int) -> None:
        """Return when record `seq` is on disk.

        Raises the StoreError that stopped the journal, or ShuttingDown if it was closed before.
        """
        if self.head >= seq:
            await trio.lowlevel.checkpoint()
        while self.head < seq:
            self._writing().check()
            await self._seqs.setdefault(seq, trio.Event()).wait()

    async def _enqueue(self, entry: Entry) -> Work:
        return await self._writing().put(partial(self._work_of, entry))

    def _work_of(self, entry: Entry) -> Work:
        seq, at = self._queued_seq, self._queued_at
        for record in entry.records:
            if record.seq != seq + 1:
                raise UsageError(f"record {record.seq} does not follow record {seq}: the sequence has no gap")
            if record.at < at:
                raise UsageError(f"record {record.seq} is of {record.at}, before the last one's {at}")
            check_shape(record)
            seq, at = record.seq, record.at
        key = self._people_key() if entry.people or entry.texts else None
        self._queued_seq, self._queued_at = seq, at
        work = Work(
            partial(self._write_entry, entry, key),
            partial(self._entry_written, entry, key),
            len(entry.records),
        )
        if entry.answer is not None:
            answer = entry.answer
            name = answers.key_of(answer.principal, answer.route, answer.key)
            self._answers_coming.setdefault(name, (answer, work))
        return work

    def _write_entry(self, entry: Entry, key: PeopleKey | None, connection: apsw.Connection) -> None:
        self._written_chain = records.insert(connection, entry.records, self._written_chain)
        messages.project(connection, entry.records)
        if key is not None:
            for person in entry.people:
                people.save(connection, key, person)
            for text in entry.texts:
                messages.save_text(connection, key, text, entry.records[-1].at)
        if entry.answer is not None:
            answers.save(connection, entry.answer)

    def _entry_written(self, entry: Entry, key: PeopleKey | None) -> None:
        if key is not None:
            for person in entry.people:
                self._reservations.settle(key.lookup(person.phone))
        if entry.answer is not None:
            answer = entry.answer
            name = answers.key_of(answer.principal, answer.route, answer.key)
            self._answers.add(name, answer.at)
            self._answers_coming.pop(name, None)
        if entry.records:
            self._advance(entry.records)

    def _advance(self, new: Sequence[Record]) -> None:
        self._ring.extend([lift(record) for record in new])
        self.head, self.last_at, self.chain = new[-1].seq, new[-1].at, self._written_chain
        for record in new:
            waiting = self._seqs.pop(record.seq, None)
            if waiting is not None:
                waiting.set()

    def _batch_written(self) -> None:
        advanced, self._advanced = self._advanced, trio.Event()
        advanced.set()

    def _release_all(self) -> None:
        for waiting in self._seqs.values():
            waiting.set()
        self._seqs.clear()
        self._answers_coming.clear()
        self._batch_written()

    def _writing(self) -> Committer:
        if self._committer is None:
            raise UsageError(f"{self.path} is open for reading only")
        return self._committer

    def _late(self) -> Work | None:
        """What rides on a batch: moved positions, and now and then the pruning."""
        moved = {follower: self._positions[follower] for follower in self._moved}
        self._moved.clear()
        now = self._clock_ms()
        due = self._pruned_at is None or now - self._pruned_at >= PRUNED_EVERY_MS
        if not moved and not due:
            return None

        def write(connection: apsw.Connection) -> None:
            positions.save(connection, moved)
            if due and answers.prune(connection, now - answers.LIFE_MS):
                tokens.prune(connection, now)
                messages.prune(connection, now - messages.TEXT_LIFE_MS)
                self._pruned_at = now

        def written() -> None:
            if due:
                self._answers.drop(now - answers.LIFE_MS)
                self._tokens.drop_expired(now)

        return Work(write, written)

    @property
    def busy(self) -> bool:
        """Whether anything is queued or uncommitted (followers' positions, which may be late, aside)."""
        return self._committer is not None and self._committer.busy

    async def wait_idle(self) -> None:
        """Return when the journal is not `busy`."""
        await self._writing().wait_idle()

    def stats(self) -> Stats:
        """What was committed since the journal was opened, for `/metrics`."""
        return Stats() if self._committer is None else self._committer.stats()

    # --- reading ---------------------------------------------------------------------------

    def recent_after(self, seq: int, limit: int = 500) -> list[Record] | None:
        """At most `limit` records that follow `seq`, from memory; None when that is too far back."""
        return self._ring.after(seq, limit)

    async def records_after(self, seq: int, limit: int = 500) -> list[Record]:
        """At most `limit` durable records that follow `seq`, in order."""
        found = self._ring.after(seq, limit)
        if found is not None:
            await trio.lowlevel.checkpoint()
            return found
        return await self._reader.run(records.page, seq, self.head, min(limit, PAGE_MOST))

    async def records_of(self, topic: str, limit: int = 1000) -> list[Record]:
        """The newest `limit` durable records of exactly this topic, in order."""
        return await self._reader.run(records.of_topic, topic, self.head, min(limit, PAGE_MOST))

    async def taken_by(self, person: str, limit: int, looked_at: int) -> list[Record]:
        """The newest `limit` takings of a person among the last `looked_at` records, the newest first."""
        after = self.head - looked_at
        return await self._reader.run(records.taken_by, person, after, self.head, min(limit, PAGE_MOST))

    async def wait_beyond(self, seq: int) -> None:
        """Return when there are durable records after `seq`.

        Raises the StoreError that stopped the journal, or ShuttingDown if it was closed before.
        """
        if self.head > seq:
            await trio.lowlevel.checkpoint()
        while self.head <= seq:
            if self._committer is None:
                with trio.move_on_after(self.looked_every_s):
                    await self._advanced.wait()
                    continue
                await self.refresh()
            else:
                self._committer.check()
                await self._advanced.wait()

    async def refresh(self) -> int:
        """Of a journal open for reading only: see what the writing process has added; the new `head`."""
        if self._committer is None:
            async with self._refreshing:
                while True:
                    new, chain = await self._reader.run(records.newer, self.head, PAGE_MOST)
                    if not new:
                        break
                    self._ring.extend(new)
                    self.head, self.last_at, self.chain = new[-1].seq, new[-1].at, chain
                    self._batch_written()
        return self.head

    async def wait_changed(self) -> None:
        """Return after the next commit, whatever is in it: records, tokens, a follower's position.

        Raises the StoreError that stopped the journal, or ShuttingDown if it was closed before.
        """
        self._writing().check()
        await self._advanced.wait()

    # --- people ----------------------------------------------------------------------------

    def _people_key(self) -> PeopleKey:
        if self._key is None:
            raise StoreError(
                f"{self.path.with_name(KEY_NAME)} is missing: put back the copy made with this store "
                "to read who its people are"
            )
        return self._key

    def digest(self, data: bytes) -> bytes:
        """A keyed digest of what may hold a phone, to be kept in the store (see `PeopleKey.digest`)."""
        return self._people_key().digest(data)

    def key_for(self, plugin: str) -> bytes:
        """The key with which a plugin's own store is sealed (see `PeopleKey.key_for`)."""
        return self._people_key().key_for(plugin)

    async def person_for(self, phone: str, new_id: str) -> tuple[str, Person | None]:
        """The id of a phone. A phone that is new gets `new_id`, with the Person to put into the Entry.

        As long as no such Entry is on disk everybody who asks gets the same id and a Person, so it
        does not matter whose Entry comes first.
        """
        lookup = self._people_key().lookup(phone)
        await trio.lowlevel.checkpoint()
        while True:
            id = self._reservations.get(lookup)
            if id is not None:
                return id, Person(id, phone)
            settled = self._reservations.settled
            known = await self._reader.run(people.find, lookup)
            if known is not None:
                return known, None
            if settled == self._reservations.settled:  # else a row may have come while we looked
                self._reservations.reserve(lookup, new_id)

    async def person(self, id: str) -> Person | None:
        """Who an id is; None if unknown or erased."""
        key = self._people_key()
        sealed = await self._reader.run(people.load, id)
        return None if sealed is None else key.open(id, sealed)

    async def forget(self, id: str) -> bool:
        """Erase a person: every row of that phone goes, the records and their chain stand.

        False when there is nobody of this id. Durable on return.
        """
        erased: list[bytes] = []

        def write(connection: apsw.Connection) -> None:
            found = people.erase(connection, id)
            if found is not None:
                lookup, ids = found
                erased.append(lookup)
                messages.erase_texts(connection, ids)

        await self._writing().put_durable(Work(write, lambda: self._reservations.settle(*erased), scrub=True))
        return bool(erased)

    async def persons_of(self, phone: str) -> list[str]:
        """Every id under which a phone is known, also one whose row is not written yet."""
        lookup = self._people_key().lookup(phone)
        found = await self._reader.run(people.ids_of, lookup)
        reserved = self._reservations.get(lookup)
        return found if reserved is None or reserved in found else [*found, reserved]

    # --- messages --------------------------------------------------------------------------

    async def message_text(self, id: str) -> str | None:
        """The words of a message; None if they are not kept (any more)."""
        key = self._people_key()
        sealed = await self._reader.run(messages.load_text, id)
        return None if sealed is None else key.open_text(id, sealed)

    async def letters(self, wanted: Sequence[tuple[str, str]]) -> dict[str, Letter]:
        """Numbers and words of messages, each given with its person; one read for all."""
        key = self._people_key()
        rows = await self._reader.run(messages.load_letters, wanted)
        return {
            message: Letter(
                None if who is None else key.open(person, who).phone,
                None if words is None else key.open_text(message, words),
            )
            for message, person, who, words in rows
        }

    async def code_of(self, appointment: str) -> str | None:
        """The code of an appointment, to be told to its holder; None if it is not kept (any more)."""
        return await self.message_text(code_id(appointment))

    async def message_log(self, query: LogQuery) -> list[LogRow]:
        """The messages that fit, the newest first."""
        return await self._reader.run(messages.find, query, self.head)

    # --- answers by idempotency key --------------------------------------------------------

    async def answer_for(self, principal: str, route: str, key: str) -> StoredAnswer | None:
        """The answer this key got within the last 48 h, once it is on disk; None for a new key."""
        name = answers.key_of(principal, route, key)
        coming = self._answers_coming.get(name)
        if coming is not None:
            await self._writing().wait(coming[1])
            return coming[0]
        await trio.lowlevel.checkpoint()
        if not self._answers.may_have(name):
            return None
        found = await self._reader.run(answers.find, principal, route, key)
        if found is None or found.at < self._clock_ms() - answers.LIFE_MS:
            return None
        return found

    # --- followers' positions --------------------------------------------------------------

    def position(self, follower: str) -> int:
        """The last record this follower has done with; 0 for a follower never seen."""
        return self._positions.get(follower, 0)

    def note_position(self, follower: str, seq: int) -> None:
        """Move a follower. Written with the next batch or within a second: a crash may undo it."""
        committer = self._writing()
        self._positions[follower] = seq
        self._moved.add(follower)
        committer.expect_lull()

    async def store_position(self, follower: str, seq: int) -> None:
        """Move a follower; durable on return, for what must happen at most once."""
        committer = self._writing()
        self._positions[follower] = seq
        self._moved.discard(follower)
        await committer.put_durable(Work(lambda connection: positions.save(connection, {follower: seq})))

    # --- tokens ----------------------------------------------------------------------------

    def token(self, digest: bytes) -> Token | None:
        """The token of a digest (SHA-256 of the secret); None if unknown or past its time."""
        return self._tokens.get(digest, self._clock_ms())

    @property
    def tokens_version(self) -> int:
        """Another number after each change of a token, since this journal was opened."""
        return self._tokens.version

    async def refresh_tokens(self) -> None:
        """Of a journal open for reading only: see which tokens there are now."""
        self._tokens = TokenIndex(await self._reader.run(tokens.load_all))

    def tokens(self, kind: str) -> list[Token]:
        """Every token of a kind, in no order."""
        return self._tokens.of_kind(kind)

    async def put_token(self, token: Token) -> None:
        """Keep a token; durable on return, and only then answered by `token`."""
        await self._writing().put_durable(
            Work(lambda connection: tokens.save(connection, token), partial(self._tokens.add, token))
        )

    async def take_token(self, digest: bytes) -> Token | None:
        """Use up a one-time token: exactly one caller ever gets it, also across a restart."""
        found = self.token(digest)
        await self.drop_token(digest)
        return found

    async def drop_token(self, digest: bytes) -> None:
        """Remove a token; from the call on it is not answered, on return it is gone from disk."""
        committer = self._writing()
        if self._tokens.remove(digest) is None:
            await trio.lowlevel.checkpoint()
            return
        with trio.CancelScope(shield=True):  # else it would be good again after a restart
            await committer.put_durable(Work(lambda connection: tokens.delete(connection, digest)))

    # --- snapshots -------------------------------------------------------------------------

    async def save_snapshot(self, seq: int, at: int, state: bytes) -> None:
        """Keep the hall's state as it is after record `seq`; durable on return."""
        if seq > self._queued_seq:
            raise UsageError(f"a snapshot at record {seq} is beyond the last record {self._queued_seq}")
        await self._writing().put_durable(Work(lambda connection: snapshots.save(connection, seq, at, state)))

    async def load_snapshot(self) -> tuple[int, int, bytes] | None:
        """Seq, time and state of the newest snapshot that checks out; None to replay from the start."""
        return await self._reader.run(snapshots.load_newest, self.head)
