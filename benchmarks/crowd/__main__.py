"""Consensus on real crowds' answers beside its peers, one table after the other.

`python -m benchmarks.crowd --data DIR [--sets rte,dog] [--tables classes,calibration] [--seeds N] [--limit S]`

DIR holds one folder a set, with labels.csv (task, worker, label) and truth.csv (task, truth). Nothing is tuned per set,
and nothing is kept between two runs but the peers' packages.
"""

import argparse
import importlib
import os
import sys
import traceback
from pathlib import Path

from benchmarks.crowd.sets import DATA, Options

# A table is a module here with `main(options)`.
GRADED = ("boxes", "tracks", "transcripts", "transcript_replay", "spans", "span_replay", "numbers", "rankings")
TABLES = ("classes", "calibration", "refit_speed", "online", "overlap", *GRADED)


def main() -> None:
    options, tables = asked()
    if not options.data.is_dir():
        # Not an error: the sets are not ours to ship, and the other benchmarks need none of them.
        print(f"skipped: no folder {options.data}; give one with --data DIR or CROWD_DATA")
        return
    failed = []
    for name in tables:
        print(f"\n-- {name} --", flush=True)
        try:
            importlib.import_module(f"benchmarks.crowd.{name}").main(options)
        except Exception:  # noqa: BLE001 - a failure stops only its own table
            traceback.print_exc()
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def asked() -> tuple[Options, list[str]]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("CROWD_DATA", DATA)))
    parser.add_argument("--sets", default="", help="names with commas between; all that are there unless told")
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--limit", type=float, default=30, help="processor seconds for one peer on one set")
    given = parser.parse_args()
    sets = tuple(name for name in given.sets.split(",") if name)
    return Options(given.data, sets, given.seeds, given.limit), given.tables.split(",")


if __name__ == "__main__":
    main()
