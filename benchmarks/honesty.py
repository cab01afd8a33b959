"""Honesty benchmark: what verdicts, intervals, alarms and gates say where users stand, by default settings.

Where truth must be known, data are simulated; otherwise models of real recordings in ../shared/data predict recordings
that they were not trained on. Every count states its draws, and draws without an answer stand in a column of their own.
"""

import argparse
import importlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from _honesty_row import Row

SECTIONS = ("intervals", "gate", "labels", "windows")
"""Each is a module ``_honesty_<section>`` with ``rows(*, short: bool) -> Sequence[Row]``."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--short", action="store_true", help="fewer draws: a look, not a proof")
    parser.add_argument("--only", help=f"sections, by comma: {', '.join(SECTIONS)}")
    options = parser.parse_args()
    found: list[tuple[str, Row]] = []
    for section in options.only.split(",") if options.only else SECTIONS:
        measure: Callable[..., Sequence[Row]] = importlib.import_module(f"_honesty_{section}").rows
        began = time.perf_counter()
        rows = measure(short=options.short)
        if not options.json:
            print(f"\n{section}: {time.perf_counter() - began:.0f} s")
            print(f"{'':72} {'':6} {'measured':>9} {'limit':>9} {'draws':>6} {'cannot say':>10}")
            for row in rows:
                limit = f"{'>=' if row.is_floor else '<='} {row.limit:g}"
                met = "met" if row.is_met else "MISSED"
                print(f"{row.name:72} {met:6} {row.value:9.3f} {limit:>9} {row.n:6} {row.cannot_say:10}", flush=True)
        found += [(section, row) for row in rows]
    met = sum(row.is_met for _, row in found)
    if options.json:
        rows_json = [{"section": section, **asdict(row), "is_met": row.is_met} for section, row in found]
        print(json.dumps({"targets": rows_json, "targets_met": met, "n_targets": len(found)}))
    else:
        print(f"\n{met} of {len(found)} targets met")


if __name__ == "__main__":
    main()
