"""The energy of one call, and where it comes from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Energy:
    """``microwatt_hours`` is a power times the call's measured share of its engine's busy time;
    ``method`` says whose word the power is: ``configured_power_busy_share`` (the operator's) or
    ``reported_power_busy_share`` (the machine's own counters')."""

    microwatt_hours: int
    method: str


@dataclass(frozen=True, slots=True)
class Grid:
    """The carbon intensity of the power that the engines draw, in whole grams of CO2e a kWh, and the
    source of that figure."""

    gco2e_per_kwh: int
    source: str
