"""What is asked of the server, beside what was measured: one line a target."""

from typing import Any

__all__ = ["targets"]

Row = tuple[str, str, str, bool]
"""What, what is asked, what was measured, and whether that is enough."""

BOUNDS: tuple[tuple[str, str, float], ...] = (
    ("p50 against the usual server's, 16 connections", "p50_ratio", 1),
    ("p50 against it, alone", "alone_p50_ratio", 1),
    ("errors", "errors", 0),
    ("5 x overload: p99 of what was accepted, s", "overload_accepted_p99_s", 1),
    ("5 x overload: /healthz, longest, ms", "overload_healthz_max_ms", 100),
    ("5 x overload: normal again, s", "overload_normal_after_s", 5),
    ("5 x overload: acknowledged and lost", "overload_lost", 0),
    ("{streams} streams: p95 from a window's end, ms", "stream_p95_ms", 300),
    ("{kills} x kill -9: acknowledged and lost", "kill_lost", 0),
    ("{kills} x kill -9: doubled", "kill_doubled", 0),
    ("{kills} x kill -9: ready again, longest, s", "kill_ready_again_max_s", 5),
)
"""A target, the figure's name, and the most that it may be."""

OUTAGES = {"locked": "SQLite locked", "postgresql": "PostgreSQL stopped", "disk_full": "disk full"}
MOST_GROWN_MB = 100
MOST_RECOVERY_S = 10


def targets(found: dict[str, Any]) -> list[Row]:
    """Return every target with its verdict."""
    answers = [found[name] for name in ("answers", "log_rows", "unique_ids")]
    finished = (found["sigterm_completed_of_50"], found["sigterm_exit"])
    rows = [
        ("throughput against the usual server", ">= 3", str(found["throughput_ratio"]), found["throughput_ratio"] >= 3),
        *((what.format(**found), f"<= {most:g}", str(found[name]), found[name] <= most) for what, name, most in BOUNDS),
        ("answers, rows of the log, unique ids", "equal", str(answers), len(set(answers)) == 1),
        _statuses("5 x overload: statuses", map(int, found["overload_statuses"]), {201, 429, 503}),
        ("SIGTERM with 50 in flight: answered, exit", "50, 0", "{}, {}".format(*finished), finished == (50, 0)),
    ]
    for name, what in OUTAGES.items():
        rows += _outage(found, name, what)
    rows += ((what, "4xx", str(n), 400 <= n < 500) for what, n in found["hostile_statuses"].items())
    rows.append(_statuses("harm: statuses of honest sounds beside", found["hostile_beside"], {201}))
    rows.append(_same("harm", found["hostile_same_process"]))
    return rows


def _outage(found: dict[str, Any], name: str, what: str) -> list[Row]:
    if f"{name}_s" not in found:
        return [(what, "run", found[f"{name}_not_run"], False)]
    what = f"{what} {found[f'{name}_s']:g} s"
    acknowledged, lost, grown_mb, recovered_s = (
        found[f"{name}_{figure}"] for figure in ("acknowledged", "lost", "grown_mb", "recovered_s")
    )
    answered = found[f"{name}_reads"], found[f"{name}_healthz"]
    asked = (503 if name == "postgresql" else 200, 200)
    rows = [
        (f"{what}: acknowledged and lost", "0", str(lost), lost == 0),
        _statuses(f"{what}: statuses", found[f"{name}_statuses"], {201, 503}),
        (f"{what}: reads, /healthz", "{}, {}".format(*asked), "{}, {}".format(*answered), answered == asked),
        (f"{what}: grown, MB", f"<= {MOST_GROWN_MB}", str(grown_mb), grown_mb <= MOST_GROWN_MB),
        (f"{what}: recovered, s", f"<= {MOST_RECOVERY_S}", str(recovered_s), recovered_s <= MOST_RECOVERY_S),
        _same(what, found[f"{name}_same_process"]),
    ]
    if name != "disk_full":  # what fits into its last pages is kept
        rows.append((f"{what}: acknowledged meanwhile", "0", str(acknowledged), acknowledged == 0))
    return rows


def _statuses(what: str, told: Any, allowed: set[int]) -> Row:
    told = sorted(told)
    return what, " ".join(map(str, sorted(allowed))), " ".join(map(str, told)), set(told) <= allowed


def _same(what: str, is_same: bool) -> Row:  # noqa: FBT001
    return f"{what}: the process is the same", "yes", "yes" if is_same else "no", is_same
