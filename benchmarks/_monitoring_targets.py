"""Targets of the monitoring benchmark, next to the measured figures: one line per target."""

from typing import Any

__all__ = ["targets"]

Row = tuple[str, str, str, bool]
"""Target, required value, measured value, and whether it is met."""

BOUNDS: tuple[tuple[str, str, str, float], ...] = (
    ("false alarms, commands and FSDD, at 1%", "false_alarm_rate", "<=", 0.02),
    ("estimates refused where nothing changed", "unchanged_cannot_say", "<=", 0),
    ("new speakers alarmed within 150 recordings", "speakers_alarmed_within_150", ">=", 1.0),
    ("noise: the interval covers, or it cannot say", "noise_covered_or_cannot_say", ">=", 0.9),
    ("concept drift found within 500 labels", "concept_found_within_500", ">=", 1.0),
    ("concept drift seen in 5,000 unchanged labels", "concept_false_alarm_rate", "<=", 0),
    ("check of 100,000 logged, s of one core", "check_logged_cpu_s", "<=", 30),
    ("check of 100,000 logged, MB", "check_logged_mb", "<=", 1000),
)
"""Target, name of the figure, comparison, and limit."""

CLIPPING_GAIN = "gain_up"
"""Confidence is not calibrated for clipped sound, so that no estimate need be made of it."""


def targets(found: dict[str, Any]) -> list[Row]:
    """Return every target and whether it is met."""
    rows = [_bound(what, found[name], how, limit) for what, name, how, limit in BOUNDS]
    for name, tally in found["unchanged"].items():
        rows.append(_bound(f"{name}: estimate off, unshifted", _off(tally), "<=", 0.03))
    for name, of_set in found["changed"].items():
        for fault, tally in of_set.items():
            rows.append(_bound(f"{name}, {fault}: alarmed", tally["alarmed"], ">=", 0.95))
            rows.append(_bound(f"{name}, {fault}: named rightly", tally["named_rightly"], ">=", 0.9))
            if fault.startswith("gain") and not (fault == CLIPPING_GAIN and _off(tally) is None):
                rows.append(_bound(f"{name}, {fault}: estimate off", _off(tally), "<=", 0.05))
    return rows


def _bound(what: str, value: float | None, how: str, limit: float) -> Row:
    if value is None:
        return what, f"{how} {limit:g}", "cannot say", False
    return what, f"{how} {limit:g}", f"{value:.3g}", value <= limit if how == "<=" else value >= limit


def _off(tally: dict[str, Any]) -> float | None:
    """Return the mean error of the estimate, or None where no estimate was possible."""
    error = tally["estimate_error"]
    return None if error is None else abs(error)
