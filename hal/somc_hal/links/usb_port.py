"""`usb://VID:PID[/SERIAL]`: a device's bulk endpoints through pyusb, in threads.

What must stay true
- pyusb blocks, so each call runs in a thread, at most one reading and one writing per device.
- A call cannot be interrupted: it lasts at most `SLICE_MS`, and a cancelled read ends within that.
- A device that was pulled is a `BrokenResourceError`; one that is not there an `OSError` (ENODEV); a
  machine without libusb an `OSError` that says what to install.
- A device with a serial number is found by it in whatever socket it is put.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from functools import partial
from typing import Any

import trio

__all__ = ["SLICE_MS", "UsbStream", "backend", "open_usb", "set_backend", "writable"]

SLICE_MS = 100
"""Longest time one blocking call may take: shorter costs CPU, longer delays cancellation."""

_READ_BYTES = 4096
_OPENING = trio.CapacityLimiter(4)

INSTALL = "usb:// needs pyusb and libusb: pip install somc[usb], and libusb-1.0-0 of the system"

_backend: Any = None


def set_backend(backend: Any) -> None:
    """Use this `usb.backend.IBackend` instead of libusb; `None` goes back. For tests and simulators."""
    global _backend
    _backend = backend


def backend() -> Any:
    """The backend in use; `None`: pyusb's own choice."""
    return _backend


def writable(device: Any) -> bool:
    """Whether `device` has a bulk endpoint to write to, in its first configuration. Runs in a thread."""
    import usb.util

    try:
        return any(
            usb.util.endpoint_type(endpoint.bmAttributes) == usb.util.ENDPOINT_TYPE_BULK
            and usb.util.endpoint_direction(endpoint.bEndpointAddress) == usb.util.ENDPOINT_OUT
            for interface in device[0]
            for endpoint in interface
        )
    except Exception:  # a device that cannot even be asked is none to print on
        return False


def _opened(vendor: int, product: int, serial_number: str) -> tuple[Any, int, Any, Any]:
    """The device with its interface claimed, and its bulk endpoints. Runs in a thread. Raises `OSError`."""
    try:
        import usb.core
        import usb.util
    except ImportError as error:
        raise OSError(errno.ENODEV, INSTALL) from error
    where = f"usb {vendor:04X}:{product:04X}" + (
        f" with serial number {serial_number}" if serial_number else ""
    )
    try:
        devices = usb.core.find(find_all=True, idVendor=vendor, idProduct=product, backend=_backend)
        device = next((d for d in devices if not serial_number or d.serial_number == serial_number), None)
        if device is None:
            raise OSError(errno.ENODEV, f"{where} is not plugged in")
        try:
            return _claimed(usb.util, device, where)
        except BaseException:
            usb.util.dispose_resources(device)
            raise
    except usb.core.NoBackendError as error:
        raise OSError(errno.ENODEV, INSTALL) from error
    except ValueError as error:  # pyusb: strings that this user may not read
        raise OSError(errno.EACCES, f"{where}: {error}") from error


def _claimed(util: Any, device: Any, where: str) -> tuple[Any, int, Any, Any]:
    try:
        configuration = device.get_active_configuration()
    except Exception:
        device.set_configuration()
        configuration = device.get_active_configuration()
    for interface in configuration:
        ends: dict[int, Any] = {}
        for endpoint in interface:
            if util.endpoint_type(endpoint.bmAttributes) == util.ENDPOINT_TYPE_BULK:
                ends.setdefault(util.endpoint_direction(endpoint.bEndpointAddress), endpoint)
        if util.ENDPOINT_OUT in ends:
            number = interface.bInterfaceNumber
            with suppress(NotImplementedError):  # a backend without kernel drivers
                if device.is_kernel_driver_active(number):
                    device.detach_kernel_driver(number)
            util.claim_interface(device, number)
            return device, number, ends[util.ENDPOINT_OUT], ends.get(util.ENDPOINT_IN)
    raise OSError(errno.ENXIO, f"{where} has no bulk endpoint to write to")


class UsbStream(trio.abc.Stream):
    """The bulk endpoints of one interface."""

    def __init__(self, device: Any, interface: int, out: Any, back: Any) -> None:
        self._device = device
        self._interface = interface
        self._out = out
        self._back = back
        self._closed = False
        self._threads = trio.CapacityLimiter(2)
        self._sending = trio.Lock()
        self._receiving = trio.Lock()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        left = memoryview(bytes(data))
        async with _only(self._sending, "sending"):
            await trio.lowlevel.checkpoint()
            while left:
                sent = await self._call(partial(self._out.write, bytes(left[:_READ_BYTES]), SLICE_MS))
                left = left[sent or 0 :]

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What has come. A device without a way back never says anything."""
        async with _only(self._receiving, "receiving"):
            await trio.lowlevel.checkpoint()
            if self._back is None:
                await trio.sleep_forever()
            size = min(max_bytes or _READ_BYTES, _READ_BYTES)
            # Whole packets: a bulk read that is shorter than the packet that comes overflows.
            packet: int = self._back.wMaxPacketSize
            size = max(packet, size // packet * packet)
            while True:
                data = await self._call(partial(self._back.read, size, SLICE_MS))
                if data:
                    return bytes(data)

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self._release, limiter=_OPENING)
        await trio.lowlevel.checkpoint()

    def _release(self) -> None:
        import usb.core
        import usb.util

        # One that was pulled has nothing to give back.
        with suppress(usb.core.USBError):
            usb.util.release_interface(self._device, self._interface)
        usb.util.dispose_resources(self._device)

    async def _call(self, call: Any) -> Any:
        """One slice in a thread; `None` if its time ran out."""
        import usb.core

        if self._closed:
            raise trio.ClosedResourceError("this USB device was closed")
        try:
            return await trio.to_thread.run_sync(call, limiter=self._threads)
        except usb.core.USBTimeoutError:
            return None
        except usb.core.USBError as error:
            if self._closed:
                raise trio.ClosedResourceError("this USB device was closed") from error
            raise trio.BrokenResourceError(f"the USB device is gone: {error}") from error


class _only:  # noqa: N801 # reads as a word where it is used
    """One task at a time, or `BusyResourceError`."""

    def __init__(self, lock: trio.Lock, doing: str) -> None:
        self._lock = lock
        self._doing = doing

    async def __aenter__(self) -> None:
        try:
            self._lock.acquire_nowait()
        except trio.WouldBlock:
            raise trio.BusyResourceError(f"another task is {self._doing}") from None

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


async def open_usb(vendor: int, product: int, serial_number: str) -> trio.abc.Stream:
    """Claim the first interface with a bulk endpoint to write to. Raises `OSError`."""
    # Not abandoned when cancelled: a claimed interface would stay claimed.
    parts = await trio.to_thread.run_sync(_opened, vendor, product, serial_number, limiter=_OPENING)
    return UsbStream(*parts)
