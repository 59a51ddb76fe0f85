"""Simulated devices: the other end of each driver, over real bytes. `catalogue.SIMULATORS` lists them."""

from __future__ import annotations

from somc_hal.simulators.base import Simulator
from somc_hal.simulators.catalogue import SIMULATORS, make_simulator, simulate
from somc_hal.simulators.escpos_printer import EscposPrinterSimulator, Slip
from somc_hal.simulators.host import WHERES, SimulatorHost, Where, hosted
from somc_hal.simulators.reference import (
    AnnouncerSimulator,
    HallContent,
    HallDisplaySimulator,
    KeypadSimulator,
    SpokenAnnouncement,
    StripDisplaySimulator,
)
from somc_hal.simulators.reference_events import (
    CameraSimulator,
    CardReaderSimulator,
    EvaluatorSimulator,
    IndicatorSimulator,
    KioskInputSimulator,
    MonitorSimulator,
    PeopleCounterSimulator,
    SecondScreenSimulator,
)

__all__ = [
    "SIMULATORS",
    "WHERES",
    "AnnouncerSimulator",
    "CameraSimulator",
    "CardReaderSimulator",
    "EscposPrinterSimulator",
    "EvaluatorSimulator",
    "HallContent",
    "HallDisplaySimulator",
    "IndicatorSimulator",
    "KeypadSimulator",
    "KioskInputSimulator",
    "MonitorSimulator",
    "PeopleCounterSimulator",
    "SecondScreenSimulator",
    "Simulator",
    "SimulatorHost",
    "Slip",
    "SpokenAnnouncement",
    "StripDisplaySimulator",
    "Where",
    "hosted",
    "make_simulator",
    "simulate",
]
