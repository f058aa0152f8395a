"""How many odd files until one gives a traceback, a wrong picture, or takes 2 GB or a minute?

    .venv/bin/python Testing/Benchmarks/fuzz.py --minutes 30

Runs the tests of `Testing/Python/test_fuzz.py` on other examples, round after round, and prints what was tried and
found. Exit status 1 if anything was found.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing" / "Python")]

import test_fuzz  # noqa: E402
from hypothesis import HealthCheck, given, seed, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

EACH = 100  # examples in a round
MOST_MB, LONGEST = 2000, 60  # of any example: memory, seconds of processor
ROUND = settings(max_examples=EACH, deadline=None, database=None, suppress_health_check=list(HealthCheck))


class Tally:
    """How many examples of each check were tried, how long the slowest took, and what was found."""

    def __init__(self) -> None:
        self.tried = {check.__name__: 0 for check in test_fuzz.CHECKS}
        self.slowest, self.found = 0.0, []

    def run(self, check, folder: Path, number: int) -> None:
        """A round of one check."""

        @seed(number)
        @ROUND
        @given(data=st.data())
        def examples(data):
            begin = time.process_time()
            try:
                check(folder, data)
            finally:
                self.tried[check.__name__] += 1
                self.slowest = max(self.slowest, time.process_time() - begin)

        try:
            examples()
        except Exception as error:
            each = getattr(error, "exceptions", [error])  # several kinds come as a group
            for one in each:
                frames = traceback.format_tb(one.__traceback__)[-4:]
                self.found.append(f"{check.__name__}, round {number}: {type(one).__name__}: {str(one)[:300]}")
                print(self.found[-1], "".join(frames), sep="\n", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--first", type=int, default=1, help="the first round's seed")
    arguments = parser.parse_args()
    end, number, tally = time.monotonic() + 60 * arguments.minutes, arguments.first, Tally()
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end and len(tally.found) < 20:
            for check in test_fuzz.CHECKS:
                tally.run(check, Path(folder), number)
            number += 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for name, count in tally.tried.items():
        print(f"{count:8d} {name.replace('_', ' ')}")
    total = sum(tally.tried.values())
    print(f"{total} files; {len(tally.found)} troubles; slowest {tally.slowest:.1f} s; peak {peak:.0f} MB")
    return int(bool(tally.found) or peak > MOST_MB or tally.slowest > LONGEST)


if __name__ == "__main__":
    sys.exit(main())
