"""The proof of a phone number: a code is sent to it, and whoever types that code has the telephone.

What must stay true
- A code is good for a few minutes and for five tries; then another is to be asked for.
- Numbers and codes are in the store sealed; its keys name a number by a hash that needs a sealed secret.
- A number gets so many messages a day, an address so many an hour: nobody floods a stranger's telephone.
- Tries and messages are counted one after the other: a hundred requests at once are a hundred, not one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

import msgspec
import trio

from somc.api import Store
from somc_plugins.web_booking.config import WebBookingConfig

__all__ = ["Asked", "Bucket", "Proof", "Proofs"]

DIGITS = 6
TRIES = 5
PROVED_FOR_MS = 30 * 60_000
"""A number that was proved need not be proved again for the next booking."""

TIDY_EVERY_S = 600
DAY_MS = 86_400_000
MOST_ADDRESSES = 20_000

Trouble = Literal["bad_phone", "too_often", "no_proof", "wrong_code", "too_late"]


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A number that is being proved: sealed in the store."""

    phone: str
    code: str
    made_at: int
    tries: int = 0
    proved_at: int | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A proof that was begun: its id for the page, number and code for the message."""

    id: str
    phone: str
    code: str


class Bucket:
    """So many at once and one more every `every_s`, for each address."""

    def __init__(self, burst: int, every_s: float) -> None:
        self._burst = burst
        self._every_s = every_s
        self._full_s: OrderedDict[str, float] = OrderedDict()

    def spend(self, address: str) -> bool:
        """Whether there was one left."""
        now_s = trio.current_time()
        full_s = max(self._full_s.pop(address, now_s), now_s)
        may = full_s - now_s <= (self._burst - 1) * self._every_s
        self._full_s[address] = full_s + self._every_s if may else full_s
        while len(self._full_s) > MOST_ADDRESSES:
            self._full_s.popitem(last=False)
        return may


class Proofs:
    """The proofs of one hall."""

    def __init__(self, store: Store, config: WebBookingConfig, now: Callable[[], int]) -> None:
        self._store = store
        self._config = config
        self._now = now
        self._secret = b""
        self._phone = re.compile(config.phone, re.ASCII)
        self._by_address = Bucket(config.per_address_hour, 3600 / config.per_address_hour)
        self._counting = trio.Lock()
        """Held from reading a count of the store to writing it."""

    async def start(self) -> None:
        """Read the secret; make it at the first start."""
        kept = await self._store.get("secret")
        if not isinstance(kept, str):
            kept = secrets.token_hex(32)
            await self._store.put("secret", kept, sealed=True)
        self._secret = bytes.fromhex(kept)

    async def ask(self, phone: str, address: str) -> Asked | Trouble:
        """Begin the proof of a number, if it may be begun."""
        number = re.sub(r"[\s\-]", "", phone).removeprefix("+86")
        if not self._phone.fullmatch(number):
            return "bad_phone"
        if not self._by_address.spend(address):
            return "too_often"
        if not await self._may_send(number):
            return "too_often"
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
        asked = Asked(id=secrets.token_urlsafe(18), phone=number, code=code)
        await self._keep(asked.id, Proof(phone=number, code=code, made_at=self._now()))
        return asked

    async def _may_send(self, number: str) -> bool:
        """Whether this number gets one more today; it is counted."""
        sent_key = f"sent/{self._hash(number)}/{self._now() // DAY_MS}"
        async with self._counting:
            sent = await self._store.get(sent_key)
            count = sent if isinstance(sent, int) else 0
            if count >= self._config.per_phone_day:
                return False
            await self._store.put(sent_key, count + 1)
        return True

    async def check(self, name: str, code: str) -> Proof | Trouble:
        """The number that `code` proves."""
        async with self._counting:
            return await self._checked(name, code)

    async def _checked(self, name: str, code: str) -> Proof | Trouble:
        proof = await self._proof(name)
        if proof is None:
            return "no_proof"
        if self._now() - proof.made_at > self._config.minutes * 60_000 or proof.tries >= TRIES:
            return "too_late"
        if not hmac.compare_digest(proof.code.encode(), code.strip().encode()):
            await self._keep(name, msgspec.structs.replace(proof, tries=proof.tries + 1))
            return "wrong_code"
        proved = msgspec.structs.replace(proof, proved_at=self._now())
        await self._keep(name, proved)
        return proved

    async def proved(self, name: str) -> str | None:
        """The number that was proved under this id; None: none was, or it is too long ago."""
        proof = await self._proof(name)
        if proof is None or proof.proved_at is None:
            return None
        return proof.phone if self._now() - proof.proved_at <= PROVED_FOR_MS else None

    async def tidy(self) -> None:
        """Delete what is over, for ever."""
        while True:
            await self.tidy_once()
            await trio.sleep(TIDY_EVERY_S)

    async def tidy_once(self) -> None:
        """Delete the proofs and counts that are over."""
        today = self._now() // DAY_MS
        for key in [key async for key in self._keys("sent/")]:
            if int(key.rpartition("/")[2]) < today:
                await self._store.delete(key)
        for key in [key async for key in self._keys("proof/")]:
            proof = await self._proof(key.removeprefix("proof/"))
            if proof is None or self._now() - (proof.proved_at or proof.made_at) > 2 * PROVED_FOR_MS:
                await self._store.delete(key)

    async def _keys(self, prefix: str):  # type: ignore[no-untyped-def] # an async generator of texts
        after = ""
        while page := await self._store.scan(prefix, after):
            for key, _ in page:
                yield key
            after = page[-1][0]

    async def _proof(self, name: str) -> Proof | None:
        kept = await self._store.get(f"proof/{name}")
        return None if kept is None else msgspec.convert(kept, Proof)

    async def _keep(self, name: str, proof: Proof) -> None:
        await self._store.put(f"proof/{name}", msgspec.to_builtins(proof), sealed=True)

    def _hash(self, phone: str) -> str:
        return hmac.new(self._secret, phone.encode(), hashlib.sha256).hexdigest()[:24]
