"""A stranger's client: Python's `websockets` on asyncio, msgpack, from the documentation alone. It leaves at
random moments and comes back.

    python websockets_client.py URL TOKEN RECONNECTS SEED

Says "enough" once it has come back so often, is told on stdin up to which record to go on, and says which it
saw.
"""

import asyncio
import json
import random
import sys

import msgpack
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

PATIENT_S = 0.05


class Stranger:
    def __init__(self, url: str, token: str, reconnects: int, seed: int) -> None:
        self.feed = url.replace("http", "ws", 1) + "/api/v1/ws"
        self.headers = {"Authorization": f"Bearer {token}"}
        self.reconnects = reconnects
        self.random = random.Random(seed)
        self.position = None
        self.lines = 0
        self.target = None
        self.seen = []
        self.resyncs = []

    async def line(self) -> None:
        enough = self.lines > self.reconnects
        async with connect(
            self.feed,
            subprotocols=["somc.v1.msgpack"],
            additional_headers=self.headers,
            compression=None,
            proxy=None,
            max_size=None,
        ) as socket:
            self.lines += 1
            if self.lines == self.reconnects + 1:
                print("enough", flush=True)
            asked = {"op": "subscribe", "id": 1, "topics": ["#"]}
            if self.position is not None:
                asked["after"] = self.position
            await socket.send(msgpack.packb(asked))
            try:
                async with asyncio.timeout(None if enough else self.random.random() * PATIENT_S):
                    while not self.finished():
                        self.hear(msgpack.unpackb(await socket.recv()))
            except TimeoutError:
                if self.random.random() < 0.7:
                    socket.transport.abort()

    def hear(self, message: dict) -> None:
        match message["op"]:
            case "snapshot":
                self.position = {"epoch": message["epoch"], "seq": message["seq"]}
            case "resync":
                self.resyncs.append(message["reason"])
            case "records":
                self.seen += [record["seq"] for record in message["records"]]
                self.position = {"epoch": message["epoch"], "seq": message["through"]}

    def finished(self) -> bool:
        return self.target is not None and self.position is not None and self.position["seq"] >= self.target

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        self.target = int(await loop.run_in_executor(None, sys.stdin.readline))

    async def run(self) -> None:
        listening = asyncio.create_task(self.listen())
        while not self.finished():
            try:
                await self.line()
            except (OSError, WebSocketException):
                await asyncio.sleep(self.random.random() * 0.05)
            if self.lines > self.reconnects and not listening.done():
                await asyncio.wait([listening], timeout=0.05)
        print(json.dumps({"lines": self.lines, "seen": self.seen, "resyncs": self.resyncs}), flush=True)


if __name__ == "__main__":
    url, token, reconnects, seed = sys.argv[1:]
    asyncio.run(Stranger(url, token, int(reconnects), int(seed)).run())
