"""The cases find out a client that does not keep the protocol: ours, with one thing spoilt each time."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import trio

import somc.client.inbox
import somc.client.live
from somc.client import HallClient, NotAdmitted
from somc.client.asking import Command, Commands
from somc.client.backoff import Backoff
from somc.client.inbox import Inbox
from somc.client.messages import Batch, JsonCodec, NoMessage, Position
from somc.testing.client_cases import CASES
from somc.testing.client_protocol import run_case
from tests.client.harness import in_process

FAULT_S = 3.0
"""By then a case that waits for what a bad client does not do has waited long enough."""

Spoil = Callable[[pytest.MonkeyPatch], None]


def tells_everything_it_hears(patch: pytest.MonkeyPatch) -> None:
    def put_records(self: Inbox, batch: Batch, size: int) -> None:
        for record in batch.records:
            self._add(record, self.accepted, size)
        self.accepted = Position(batch.epoch, batch.through)

    patch.setattr(Inbox, "_put_records", put_records)


def stands_at_the_last_record(patch: pytest.MonkeyPatch) -> None:
    put = Inbox._put_records

    def put_records(self: Inbox, batch: Batch, size: int) -> None:
        put(self, batch, size)
        if batch.records:
            self.accepted = Position(batch.epoch, batch.records[-1].seq)

    patch.setattr(Inbox, "_put_records", put_records)


def forgets_where_it_stood(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Inbox, "begin_line", lambda self: setattr(self, "accepted", None))


def takes_what_is_void(patch: pytest.MonkeyPatch) -> None:
    put = Inbox.put

    def put_all(self: Inbox, message: Any, size: int) -> None:
        put(self, message, size)
        self._void = False

    patch.setattr(Inbox, "put", put_all)


def lets_everything_pile_up(patch: pytest.MonkeyPatch) -> None:
    init = Inbox.__init__
    patch.setattr(Inbox, "__init__", lambda self, limit, after=None: init(self, 10**9, after))


def knocks_without_a_pause(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Backoff, "next_s", lambda self: 0.001)


def waits_the_same_each_time(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Backoff, "next_s", lambda self: 0.2)


def takes_every_line_for_a_good_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Backoff, "next_s", lambda self: self._random() * self._first_s)


def knocks_again_with_what_was_refused(patch: pytest.MonkeyPatch) -> None:
    hold = HallClient._hold_a_line

    async def hold_a_line(self: HallClient) -> None:
        try:
            await hold(self)
        except NotAdmitted as error:
            raise somc.client.live.LineLost(str(error)) from error

    patch.setattr(HallClient, "_hold_a_line", hold_a_line)


def forgets_what_it_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Commands, "begin_line", lambda self: None)


def asks_again_with_another_key(patch: pytest.MonkeyPatch) -> None:
    begin = Commands.begin_line

    def begin_line(self: Commands) -> None:
        begin(self)
        for command in self._open.values():
            _change_key(command)

    patch.setattr(Commands, "begin_line", begin_line)


def _change_key(command: Command) -> None:
    message = msgspec.msgpack.decode(command.message)
    command.message = msgspec.msgpack.encode({**message, "key": secrets.token_hex(16)})


def never_asks_whether_the_hall_is_there(patch: pytest.MonkeyPatch) -> None:
    async def listen(self: HallClient, line: Any) -> None:
        await trio.sleep_forever()

    patch.setattr(HallClient, "_listen_for_silence", listen)


def stays_whatever_comes(patch: pytest.MonkeyPatch) -> None:
    for codec in (somc.client.live.codec_named("msgpack"), JsonCodec()):
        decode = type(codec).decode

        def lenient(self: Any, data: bytes, decode: Any = decode) -> Any:
            try:
                return decode(self, data)
            except NoMessage:
                return None

        patch.setattr(type(codec), "decode", lenient)


def does_not_wait_for_an_overloaded_hall(patch: pytest.MonkeyPatch) -> None:
    refused = HallClient._refused

    def at_once(self: HallClient, error: Any) -> Exception:
        error.retry_after_s = None
        return refused(self, error)

    patch.setattr(HallClient, "_refused", at_once)


CAUGHT: list[tuple[Spoil, str]] = [
    (tells_everything_it_hears, "what_was_told_before_is_not_told_again"),
    (tells_everything_it_hears, "records_of_an_epoch_that_was_not_announced"),
    (stands_at_the_last_record, "through_is_the_position"),
    (forgets_where_it_stood, "resumes_after_a_cut"),
    (forgets_where_it_stood, "a_thousand_cuts_in_small"),
    (takes_what_is_void, "between_resync_and_snapshot_nothing_counts"),
    (lets_everything_pile_up, "a_program_that_does_not_read_loses_nothing"),
    (knocks_without_a_pause, "a_closed_door_is_not_stormed"),
    (waits_the_same_each_time, "a_closed_door_is_not_stormed"),
    (takes_every_line_for_a_good_one, "a_hall_that_takes_everybody_and_closes_is_not_stormed"),
    (knocks_again_with_what_was_refused, "not_signed_in_is_not_tried_again"),
    (forgets_what_it_asked, "an_unanswered_command_goes_out_again_with_its_key"),
    (asks_again_with_another_key, "an_unanswered_command_goes_out_again_with_its_key"),
    (never_asks_whether_the_hall_is_there, "a_silent_hall_is_left"),
    (stays_whatever_comes, "what_is_no_message_ends_the_line"),
    (does_not_wait_for_an_overloaded_hall, "an_overloaded_hall_is_given_the_time_it_asks_for"),
]


@pytest.mark.parametrize(("spoil", "case"), CAUGHT, ids=[f"{spoil.__name__}" for spoil, _ in CAUGHT])
async def test_a_bad_client_is_found_out(
    spoil: Spoil, case: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert case in CASES
    spoil(monkeypatch)
    with pytest.RaisesGroup(AssertionError, allow_unwrapped=True, flatten_subgroups=True):
        await run_case(case, in_process, "msgpack", seed, FAULT_S)


@pytest.mark.parametrize(("case", "code"), [("a_command_is_answered", 0), ("resumes_after_a_cut", 1)])
def test_the_command_line_says_how_it_went(case: str, code: int, pages_client: list[str]) -> None:
    """A program that keeps the protocol, and one that says it is ready and no more."""
    idle = [sys.executable, "-c", 'print(\'{"event": "ready"}\', flush=True); input(); raise SystemExit']
    command = pages_client if code == 0 else idle
    done = subprocess.run(
        [
            *(sys.executable, "-m", "somc.testing.client_protocol"),
            *("--encoding", "json", "--case", case, "--patience", "2", "--"),
            *command,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout.startswith("ok" if code == 0 else "FAILED")
