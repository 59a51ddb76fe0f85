"""The calls of a hall, newest first, in a terminal: python display.py http://HALL:8080 TOKEN_FILE"""

import sys
from pathlib import Path

import trio

from somc.client import Record, Snapshot, open_client


def show(name: str, calls: dict[str, int | None]) -> None:
    newest = list(calls.items())[:-6:-1]
    print("", name, *(f"{number} → {counter}" for number, counter in newest), sep="\n", flush=True)


async def main(url: str, token: str) -> None:
    name, calls = "", {}
    async with open_client(url, token=token) as hall:
        async for message in hall.messages():
            match message:
                case Snapshot(state=state):
                    name = state.name.zh
                    calls = {call.number: call.counter for call in reversed(state.recent_calls)}
                case Record(type="ticket.called" | "ticket.recalled", data=data):
                    calls.pop(data["number"], None)  # to the front
                    calls[data["number"]] = data["counter"]
            show(name, calls)


trio.run(main, sys.argv[1], Path(sys.argv[2]).read_text().strip())
