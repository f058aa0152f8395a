"""What an hour of one processor teaches: the preset `bundled`, shortened to so much of a processor's time.

    python -m DAGANSpineLib simulate -o data
    python Testing/Benchmarks/one_hour.py --data data -o now --precision bf16
    PYTHONPATH=FORMER python Testing/Benchmarks/one_hour.py --data data -o before --precision bf16
    python -m DAGANSpineLib evaluate --data data --model before/run/best.pt -o before/scores
    python -m DAGANSpineLib evaluate --data data --model now/run/best.pt -o now/scores
    python -m DAGANSpineLib versus before/scores now/scores -o compared

FORMER is a checkout of a former version, from `c606b64` on, whose own preset is shortened then. Both models are scored
by the present code. Two short pilots set the pace, and every stage is shortened alike. A processor's time is counted,
not a clock's, so that other programs on the machine take nothing from either; one thread is the fairest
(OMP_NUM_THREADS=1). Interrupted, the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from DAGANSpineLib.training.presets import PRESETS, Preset
from DAGANSpineLib.training.trainer import train

PILOTS = (1 / 30, 1 / 8)  # of all steps, so far apart that what a processor's time varies by tells little between them


def shortened(share: float) -> Preset:
    """The preset with so much of each stage's steps."""
    bundled = PRESETS["bundled"]
    stages = tuple(replace(stage, steps=max(1, round(share * stage.steps))) for stage in bundled.stages)
    return replace(bundled, stages=stages, validate_every=max(1, round(share * bundled.validate_every)))


def timed(arguments: argparse.Namespace, share: float, folder: Path) -> float:
    """The processor's seconds of a training."""
    began = time.process_time()
    resume = (folder / "last.pt").is_file()
    train(arguments.data, folder, shortened(share), arguments.seed, resume, "one hour", arguments.precision, quiet=True)
    return time.process_time() - began


def share_for(arguments: argparse.Namespace) -> float:
    """How much of the preset the time allows; measured once a folder, since a run is resumed by the same settings."""
    pace = arguments.output / "pace.json"
    if not pace.is_file():
        with tempfile.TemporaryDirectory() as folder:
            short, long = (timed(arguments, share, Path(folder) / f"{share:.3f}") for share in PILOTS)
        rate = (long - short) / (PILOTS[1] - PILOTS[0])
        arguments.output.mkdir(parents=True, exist_ok=True)
        share = PILOTS[0] + (60 * arguments.minutes - short) / rate
        pace.write_text(json.dumps({"share": share, "pilots": [short, long]}), encoding="utf-8")
    return json.loads(pace.read_text(encoding="utf-8"))["share"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="a data set")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="the run folder's")
    parser.add_argument("--minutes", type=float, default=60.0, help="of one processor")
    parser.add_argument("--precision", default="auto", help="as of the command train")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    share = share_for(arguments)
    steps = " and ".join(str(stage.steps) for stage in shortened(share).stages)
    print(f"{share:.2f} of the preset: {steps} steps", flush=True)
    seconds = timed(arguments, share, arguments.output / "run")
    print(f"{seconds / 60:.0f} minutes of a processor")


if __name__ == "__main__":
    main()
