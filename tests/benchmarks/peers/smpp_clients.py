"""One SMPP client as a process of its own: `python smpp_clients.py somc|smpplib PORT MESSAGES WINDOW`.

Prints `{"seconds", "cpu_seconds"}` of the submitting alone, as the client of npm's smpp does.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

TEXT = "您好，请于今日到厅办理业务，号码 A001"


def number(n: int) -> str:
    return f"138{n:08}"


def ours(port: int, messages: int, window: int) -> dict[str, float]:
    """The plugin's channel, given batches as the hall's dispatcher gives them: two at a time."""
    import structlog
    import trio

    from somc.api import Outgoing, Sent
    from somc.runtime.plugins.store import FileStore
    from somc_plugins.sms_smpp import channel_of
    from somc_plugins.sms_smpp.config import SmppGateway

    settings = SmppGateway(
        host="127.0.0.1", port=port, system_id="hall", password="secret", source="10086", window=window
    )
    # Nobody writes to it, so nothing is ever kept.
    store = FileStore(Path(tempfile.gettempdir()) / "somc-bench-parts.sqlite3", bytes(32))
    channel = channel_of("bench", settings, store, structlog.get_logger())
    measured: dict[str, float] = {}

    class Host:
        up = trio.Event()

        async def receipts(self, receipts: Any) -> None:
            raise AssertionError("the sink sends no receipts")

        async def inbound(self, messages: Any) -> None:
            raise AssertionError("nor does anybody write")

        def report(self, status: str, detail: str = "") -> None:
            if status == "up":
                self.up.set()

    async def main() -> None:
        host = Host()
        host.up = trio.Event()
        async with trio.open_nursery() as nursery:
            await nursery.start(channel.run, host)
            await host.up.wait()
            numbers = iter(range(messages))
            began_cpu, began = time.process_time(), time.perf_counter()

            async def some() -> None:
                while batch := [
                    Outgoing(f"m{n}", number(n), TEXT, 3600)
                    for _, n in zip(range(channel.batch), numbers, strict=False)
                ]:
                    for outcome in await channel.send(batch):
                        assert isinstance(outcome, Sent), outcome

            async with trio.open_nursery() as senders:
                senders.start_soon(some)
                senders.start_soon(some)
            measured["seconds"] = time.perf_counter() - began
            measured["cpu_seconds"] = time.process_time() - began_cpu
            nursery.cancel_scope.cancel()

    trio.run(main)
    return measured


def smpplib_s(port: int, messages: int, window: int) -> dict[str, float]:
    """smpplib (LGPL, a dependency of this measurement only): send within the window, read what came."""
    import smpplib.client
    import smpplib.consts
    import smpplib.gsm

    client = smpplib.client.Client("127.0.0.1", port, allow_unknown_opt_params=True)
    answered = 0

    def heard(pdu: Any) -> None:
        nonlocal answered
        assert pdu.status == 0, pdu.status
        answered += 1

    client.set_message_sent_handler(heard)
    client.connect()
    client.bind_transceiver(system_id="hall", password="secret")
    began_cpu, began = time.process_time(), time.perf_counter()
    sent = 0
    octets = TEXT.encode("utf-16-be")
    while answered < messages:
        while sent < messages and sent - answered < window:
            client.send_message(
                source_addr_ton=0,
                source_addr_npi=1,
                source_addr="10086",
                dest_addr_ton=1,
                dest_addr_npi=1,
                destination_addr=number(sent),
                short_message=octets,
                data_coding=8,
                esm_class=0,
                registered_delivery=True,
            )
            sent += 1
        client.read_once()
    return {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - began_cpu}


if __name__ == "__main__":
    run = {"somc": ours, "smpplib": smpplib_s}[sys.argv[1]]
    print(json.dumps(run(*map(int, sys.argv[2:5]))))
