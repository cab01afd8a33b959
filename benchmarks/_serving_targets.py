"""Targets of the serving benchmark: compare measured figures with required bounds, one row per target."""

from typing import Any

__all__ = ["targets"]

Row = tuple[str, str, str, bool]
"""Target, required value, measured value, and whether it is met."""

BOUNDS: tuple[tuple[str, str, float], ...] = (
    ("p50 against the usual server's, 16 connections", "p50_ratio", 1),
    ("p50 against it, alone", "alone_p50_ratio", 1),
    ("errors", "errors", 0),
    ("5 x overload: p99 of accepted requests, s", "overload_accepted_p99_s", 1),
    ("5 x overload: /healthz, longest, ms", "overload_healthz_max_ms", 100),
    ("5 x overload: recovered, s", "overload_normal_after_s", 5),
    ("5 x overload: acknowledged and lost", "overload_lost", 0),
    ("{streams} streams: p95 from a window's end, ms", "stream_p95_ms", 300),
    ("{kills} x kill -9: acknowledged and lost", "kill_lost", 0),
    ("{kills} x kill -9: doubled", "kill_doubled", 0),
    ("{kills} x kill -9: ready again, longest, s", "kill_ready_again_max_s", 5),
)
"""Target, name of the figure, and its upper bound."""

OUTAGES = {"locked": "SQLite locked", "postgresql": "PostgreSQL stopped", "disk_full": "disk full"}
MOST_GROWN_MB = 100
MOST_RECOVERY_S = 10


def targets(found: dict[str, Any]) -> list[Row]:
    """Return a row for each target."""
    answers = [found[name] for name in ("answers", "log_rows", "unique_ids")]
    finished = (found["sigterm_completed_of_50"], found["sigterm_exit"])
    ratios = (
        ("requests a second against the usual server", "throughput_ratio"),
        ("the same, two processes each", "two_throughput_ratio"),
        ("requests a second of processor time, two processes each", "two_cpu_ratio"),
    )
    rows = [
        *((target, ">= 3", str(found[name]), found[name] >= 3) for target, name in ratios),
        *(
            (target.format(**found), f"<= {most:g}", str(found[name]), found[name] <= most)
            for target, name, most in BOUNDS
        ),
        ("acknowledged, log rows, unique ids", "equal", str(answers), len(set(answers)) == 1),
        _statuses("5 x overload: statuses", map(int, found["overload_statuses"]), {201, 429, 503}),
        ("SIGTERM with 50 in flight: completed, exit code", "50, 0", "{}, {}".format(*finished), finished == (50, 0)),
    ]
    for name, target in OUTAGES.items():
        rows += _outage(found, name, target)
    rows += ((target, "4xx", str(n), 400 <= n < 500) for target, n in found["hostile_statuses"].items())
    rows.append(_statuses("hostile sounds: statuses of honest sounds beside", found["hostile_beside"], {201}))
    rows.append(_same("hostile sounds", found["hostile_same_process"]))
    return rows


def _outage(found: dict[str, Any], name: str, target: str) -> list[Row]:
    if f"{name}_s" not in found:
        return [(target, "run", found[f"{name}_not_run"], False)]
    target = f"{target} {found[f'{name}_s']:g} s"
    acknowledged, lost, grown_mb, recovered_s = (
        found[f"{name}_{figure}"] for figure in ("acknowledged", "lost", "grown_mb", "recovered_s")
    )
    statuses = found[f"{name}_reads"], found[f"{name}_healthz"]
    required = (503 if name == "postgresql" else 200, 200)
    rows = [
        (f"{target}: acknowledged and lost", "0", str(lost), lost == 0),
        _statuses(f"{target}: statuses", found[f"{name}_statuses"], {201, 503}),
        (f"{target}: reads, /healthz", "{}, {}".format(*required), "{}, {}".format(*statuses), statuses == required),
        (f"{target}: grown, MB", f"<= {MOST_GROWN_MB}", str(grown_mb), grown_mb <= MOST_GROWN_MB),
        (f"{target}: recovered, s", f"<= {MOST_RECOVERY_S}", str(recovered_s), recovered_s <= MOST_RECOVERY_S),
        _same(target, found[f"{name}_same_process"]),
    ]
    if name != "disk_full":  # entries that fit into its last pages are stored
        rows.append((f"{target}: acknowledged meanwhile", "0", str(acknowledged), acknowledged == 0))
    return rows


def _statuses(target: str, statuses: Any, allowed: set[int]) -> Row:
    statuses = sorted(statuses)
    return target, " ".join(map(str, sorted(allowed))), " ".join(map(str, statuses)), set(statuses) <= allowed


def _same(target: str, is_same: bool) -> Row:  # noqa: FBT001
    return f"{target}: the process is the same", "yes", "yes" if is_same else "no", is_same
