"""A USB device without USB: a pyusb backend in this process, with a simulated device at its far end.

What must stay true: pyusb and everything above it is the real thing; only the cable is played. Calls
come from threads, the simulator lives on Trio's loop, and bytes cross between them in order.
"""

from __future__ import annotations

import errno
import queue
from array import array
from types import SimpleNamespace
from typing import Any

import trio
import usb.backend
import usb.core

from somc_hal.links import usb_port
from somc_hal.simulators.base import Simulator

VENDOR, PRODUCT, SERIAL = 0x04B8, 0x0202, "SN-0001"
OUT, IN = 0x01, 0x82


class FakeBackend(usb.backend.IBackend):  # type: ignore[misc]  # pyusb has no types
    """One printer-class device with a bulk endpoint each way; `plugged` is its cable."""

    def __init__(self, token: trio.lowlevel.TrioToken, serial: str = SERIAL) -> None:
        super().__init__()
        self.plugged = True
        self.serial = serial
        self.claimed = 0
        self.to_host: queue.Queue[bytes] = queue.Queue()
        self.from_host_in, self.from_host = trio.open_memory_channel[bytes](1000)
        self._token = token

    def _there(self) -> None:
        if not self.plugged:
            raise usb.core.USBError("No such device", errno=errno.ENODEV)

    def enumerate_devices(self) -> Any:
        return iter([self] if self.plugged else [])

    def get_device_descriptor(self, dev: Any) -> Any:
        return SimpleNamespace(
            bLength=18,
            bDescriptorType=1,
            bcdUSB=0x200,
            bDeviceClass=0,
            bDeviceSubClass=0,
            bDeviceProtocol=0,
            bMaxPacketSize0=64,
            idVendor=VENDOR,
            idProduct=PRODUCT,
            bcdDevice=0x100,
            iManufacturer=0,
            iProduct=0,
            iSerialNumber=3,
            bNumConfigurations=1,
            address=1,
            bus=1,
            port_number=1,
            port_numbers=(1,),
            speed=3,
        )

    def get_configuration_descriptor(self, dev: Any, config: int) -> Any:
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=2,
            wTotalLength=32,
            bNumInterfaces=1,
            bConfigurationValue=1,
            iConfiguration=0,
            bmAttributes=0xC0,
            bMaxPower=1,
            extra_descriptors=[],
        )

    def get_interface_descriptor(self, dev: Any, intf: int, alt: int, config: int) -> Any:
        if intf or alt:
            raise IndexError
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=4,
            bInterfaceNumber=0,
            bAlternateSetting=0,
            bNumEndpoints=2,
            bInterfaceClass=7,
            bInterfaceSubClass=1,
            bInterfaceProtocol=2,
            iInterface=0,
            extra_descriptors=[],
        )

    def get_endpoint_descriptor(self, dev: Any, ep: int, intf: int, alt: int, config: int) -> Any:
        return SimpleNamespace(
            bLength=7,
            bDescriptorType=5,
            bEndpointAddress=(OUT, IN)[ep],
            bmAttributes=2,
            wMaxPacketSize=64,
            bInterval=0,
            bRefresh=0,
            bSynchAddress=0,
            extra_descriptors=[],
        )

    def open_device(self, dev: Any) -> Any:
        self._there()
        return dev

    def close_device(self, dev_handle: Any) -> None:
        pass

    def set_configuration(self, dev_handle: Any, config_value: int) -> None:
        self._there()

    def get_configuration(self, dev_handle: Any) -> int:
        self._there()
        return 1

    def claim_interface(self, dev_handle: Any, intf: int) -> None:
        self._there()
        if self.claimed:
            raise usb.core.USBError("Resource busy", errno=errno.EBUSY)
        self.claimed += 1

    def release_interface(self, dev_handle: Any, intf: int) -> None:
        self.claimed -= 1
        self._there()

    def ctrl_transfer(
        self,
        dev_handle: Any,
        request_type: int,
        request: int,
        value: int,
        index: int,
        data: Any,
        timeout: int,
    ) -> int:
        """String descriptors: the languages, and the serial number."""
        self._there()
        text = b"\x09\x04" if value == 0x0300 else self.serial.encode("utf-16-le")
        answer = bytes((len(text) + 2, 3)) + text
        data[: len(answer)] = array("B", answer)
        return len(answer)

    def bulk_write(self, dev_handle: Any, ep: int, intf: int, data: Any, timeout: int) -> int:
        self._there()
        assert ep == OUT
        try:
            self._token.run_sync_soon(self.from_host_in.send_nowait, bytes(data))
        except trio.RunFinishedError:
            raise usb.core.USBError("No such device", errno=errno.ENODEV) from None
        return len(data)

    def bulk_read(self, dev_handle: Any, ep: int, intf: int, buff: Any, timeout: int) -> int:
        assert ep == IN
        try:
            data = self.to_host.get(timeout=timeout / 1000)
        except queue.Empty:
            self._there()
            raise usb.core.USBTimeoutError("Operation timed out", errno=errno.ETIMEDOUT) from None
        self._there()
        buff[: len(data)] = array("B", data)
        return len(data)

    def is_kernel_driver_active(self, dev_handle: Any, intf: int) -> bool:
        return False


class _FarEnd(trio.abc.Stream):
    """What the simulator at the other end of the cable reads and writes."""

    def __init__(self, backend: FakeBackend) -> None:
        self._backend = backend

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        for start in range(0, len(data), 64):
            self._backend.to_host.put(bytes(data[start : start + 64]))

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return await self._backend.from_host.receive()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


class UsbHost:
    """A simulator behind the fake backend, with the calls of `SimulatorHost`."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.url = f"usb://{VENDOR:04X}:{PRODUCT:04X}/{SERIAL}"
        self.backend: FakeBackend

    async def run(self, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        self.backend = FakeBackend(trio.lowlevel.current_trio_token())
        usb_port.set_backend(self.backend)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.simulator.serve, _FarEnd(self.backend))
                task_status.started(self.url)
        finally:
            usb_port.set_backend(None)

    async def unplug(self) -> None:
        self.backend.plugged = False
        await trio.lowlevel.checkpoint()

    async def replug(self) -> None:
        while not self.backend.to_host.empty():
            self.backend.to_host.get_nowait()
        self.backend.plugged = True
        await trio.lowlevel.checkpoint()
