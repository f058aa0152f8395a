"""How many VPI a minute `segment` makes of a folder: some at a time, beside one after another.

    python Testing/Benchmarks/batch_speed.py --picture vpi.png --pictures 50
    python Testing/Benchmarks/batch_speed.py --model other.pt --rounds 3

`one by one`: each picture on all cores, as before there was a crew; `crew`: as installed. Rounds are interleaved, and
the least seconds count. The pictures are one and the same under several names: nothing in the pipeline remembers one.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from DAGANSpineLib.inference import Crew, Pipeline, segment_files  # noqa: E402

SAMPLE = ROOT / "Resources" / "SampleData" / "simulated-single-curve.png"


def seconds_of(paths: list[Path], pipeline: Pipeline, crew: Crew) -> float:
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        outcomes = segment_files(paths, Path(folder), pipeline, crew=crew)
        seconds = time.perf_counter() - begin
    errors = [outcome.error for outcome in outcomes if outcome.error]
    if errors:
        raise SystemExit(errors[0])
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path, default=SAMPLE, help="a VPI (default: a bundled simulated one)")
    parser.add_argument("--pictures", type=int, default=8, help="how many a batch has")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--model", type=Path, help="a model file (default: the bundled one)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    pipeline = Pipeline.load(arguments.model, "cpu")
    crews = {"one by one": Crew(1, arguments.threads), "crew": Crew.of(arguments.pictures)}
    found: dict[str, list[float]] = {name: [] for name in crews}
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}{arguments.picture.suffix}" for number in range(arguments.pictures)]
        for path in paths:
            shutil.copy(arguments.picture, path)
        for _ in range(arguments.rounds):
            for name, crew in crews.items():
                found[name].append(seconds_of(paths, pipeline, crew))
    before = min(found["one by one"])
    for name, crew in crews.items():
        least = min(found[name])
        pace = f"{60 * arguments.pictures / least:6.1f} images a minute"
        print(f"{name:10} {pace}, {before / least:.2f} x, {crew.hands} at a time on {crew.threads} threads each")


if __name__ == "__main__":
    main()
