"""The queue scheduler's work in Redis: a sorted set a queue, one of deadlines, and the choice in Lua.

A private server on a unix socket, without persistence. A cycle is one pipeline, so one round trip; a batch of
64 is one pipeline too. The cost is the CPU time of client and server together, which leaves out all waiting.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import redis
from scheduler_work import LEAD_MS, Size, Work

__all__ = ["RedisLua"]

CALL = """
local best, chosen, first, key = -1, nil, nil, nil
local now = tonumber(ARGV[1])
for i = 1, #KEYS do
    local head = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')
    if head[1] then
        local v, k = tonumber(head[2]), tonumber(head[1])
        local score = tonumber(ARGV[i + 1]) * (now - v)
        if score > best or (score == best and (v < first or (v == first and k < key))) then
            best, chosen, first, key = score, KEYS[i], v, k
        end
    end
end
if not chosen then return -1 end
redis.call('ZREM', chosen, key)
redis.call('ZREM', 'due', 'w' .. key, 'b' .. key)
redis.call('HDEL', 'places', key)
return key
"""

GIVE_UP = """
local queue = redis.call('HGET', 'places', ARGV[1])
if not queue then return 0 end
redis.call('ZREM', 'q' .. queue, ARGV[1])
redis.call('ZREM', 'due', 'w' .. ARGV[1], 'b' .. ARGV[1])
redis.call('HDEL', 'places', ARGV[1])
redis.call('ZADD', 'q' .. ARGV[3], ARGV[4], ARGV[2])
redis.call('ZADD', 'due', ARGV[5], 'w' .. ARGV[2], ARGV[6], 'b' .. ARGV[2])
redis.call('HSET', 'places', ARGV[2], ARGV[3])
return 1
"""


class RedisLua:
    """A server of its own for as long as the `with` block lasts."""

    def __init__(self, size: Size) -> None:
        self.rates, self.targets = size.rates(), size.targets()
        self.asks = [
            ([len(queues), *(f"q{queue}" for queue in queues)], [self.rates[queue] for queue in queues])
            for queues in size.skills()
        ]

    def __enter__(self) -> RedisLua:
        if shutil.which("redis-server") is None:
            raise SystemExit("needs redis-server (Debian: apt install redis-server)")
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name, "redis.sock")
        self.server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL,
        )
        self.client = redis.Redis(unix_socket_path=str(path))
        for _ in range(200):
            try:
                self.client.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.02)
        self.call_sha = self.client.script_load(CALL)
        self.give_up_sha = self.client.script_load(GIVE_UP)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self.server.terminate()
        self.server.wait()
        self.folder.cleanup()

    def fill(self, work: Work) -> None:
        self.client.flushall()
        pipe = self.client.pipeline(transaction=False)
        for number, (key, queue, v, _) in enumerate(work.tickets(dead=False)):
            self._push(pipe, key, queue, v)
            if number % 2000 == 1999:
                pipe.execute()
        pipe.execute()

    def one_by_one(self, work: Work) -> tuple[float, list[int]]:
        calls: list[int] = []
        began = 0.0
        for number, (key, queue, now, profile, gives_up, other) in enumerate(work.steps):
            if number == work.unmeasured:
                began = self._cpu_s()
            pipe = self.client.pipeline(transaction=False)
            self._push(pipe, key, queue, now)
            self._call(pipe, profile, now)
            pipe.zrange("due", 0, 0, withscores=True)
            if gives_up >= 0:
                self._give_up(pipe, gives_up, key + 1, other, now)
            calls.append(pipe.execute()[3])
        return (self._cpu_s() - began) / work.measured, calls

    def in_batches(self, work: Work) -> tuple[float, list[int]]:
        calls: list[int] = []
        began = 0.0
        for batch in work.batches:
            if batch[0] is work.first_measured:
                began = self._cpu_s()
            pipe = self.client.pipeline(transaction=False)
            for key, queue, now, _, _, _ in batch:
                self._push(pipe, key, queue, now)
            now = batch[-1][2]
            for _, _, _, profile, _, _ in batch:
                self._call(pipe, profile, now)
            pipe.zrange("due", 0, 0, withscores=True)
            for key, _, _, _, gives_up, other in batch:
                if gives_up >= 0:
                    self._give_up(pipe, gives_up, key + 1, other, now + 1)
            answers = pipe.execute()
            calls.extend(answers[3 * len(batch) : 4 * len(batch)])
        return (self._cpu_s() - began) / work.measured, calls

    def _push(self, pipe: redis.client.Pipeline, key: int, queue: int, v: int) -> None:
        target = v + self.targets[queue]
        pipe.zadd(f"q{queue}", {key: v})
        pipe.zadd("due", {f"w{key}": target - LEAD_MS, f"b{key}": target})
        pipe.hset("places", key, queue)

    def _call(self, pipe: redis.client.Pipeline, profile: int, now: int) -> None:
        names, rates = self.asks[profile]
        pipe.evalsha(self.call_sha, *names, now, *rates)

    def _give_up(self, pipe: redis.client.Pipeline, key: int, new: int, queue: int, now: int) -> None:
        target = now + self.targets[queue]
        pipe.evalsha(self.give_up_sha, 0, key, new, queue, now, target - LEAD_MS, target)

    def _cpu_s(self) -> float:
        used = self.client.info("cpu")
        return time.thread_time() + float(used["used_cpu_user"]) + float(used["used_cpu_sys"])
