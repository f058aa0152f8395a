"""The commands: python -m DAGANSpineLib COMMAND. Each reads its arguments, calls one function, prints."""

from __future__ import annotations

import argparse
import io
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from .errors import UserError
from .report.findings import DISCLAIMER

if TYPE_CHECKING:
    from .inference.many_files import Outcome

BAD_INPUT = 2  # exit status for bad arguments or input
STOPPED = 130  # exit status after Ctrl-C, as shells count
NEED_TRAINING = ("check", "train", "evaluate", "benchmark", "versus", "robustness")  # the packages of the extra [train]
WHAT_IS_COUNTED = (
    "What report.json counts: patches of 96 x 96 pixels, every 32 pixels, at least 80 percent of them within the lit "
    "body; g is the mean vertical edge of a patch (equation 1 of the paper). Corrupted: g of at least 4; clean: g of "
    "at most 2. The change of clean patches is the mean difference in grey levels, after the same vertical Gaussian "
    "(sigma 3 pixels) on input and output. No border is left out."
)


class Parser(argparse.ArgumentParser):
    """Bad arguments are one line on standard error."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message}. See {self.prog} --help\n")


class Bar:
    """A progress line on a terminal, with the remaining time; silent where nobody watches."""

    def __init__(self, label: str) -> None:
        self.label, self.begin = label, time.monotonic()
        self.heard = sys.stderr.isatty()

    def __call__(self, fraction: float, message: str) -> None:
        if not self.heard:
            return
        elapsed = time.monotonic() - self.begin
        remaining = f", {duration(elapsed * (1 - fraction) / fraction)} left" if 0.02 < fraction < 1 else ""
        end = "\n" if fraction >= 1 else ""
        print(f"\r\x1b[K{self.label}: {fraction:4.0%} {message}{remaining}", end=end, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Make room for another line."""
        if self.heard:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds as people say them: 47 s, 2 min."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def segment(arguments: argparse.Namespace) -> int:
    """Restore and segment each input; a bad one doesn't stop the others."""
    from .inference.many_files import SUMMARY, find_images, segment_files
    from .inference.pipeline import Pipeline

    paths, notes = find_images(arguments.inputs, arguments.output)
    for note in notes:
        print(f"Note: {note}", flush=True)
    pipeline, bar, outcomes = Pipeline.load(arguments.model, arguments.device), Bar("Segmenting"), []

    def tell(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if not outcome.kept:
            bar.clear()
            tell_outcome(outcome, arguments.output)

    try:
        every = segment_files(paths, arguments.output, pipeline, arguments.resume, bar, tell)
    except KeyboardInterrupt:
        bar.clear()
        if len(paths) == 1:
            raise
        done = sum(outcome.report is not None for outcome in outcomes)
        complain("segment", f"Stopped: {done} of {len(paths)} files are done; with --resume the rest follows.")
        return STOPPED
    failed = [outcome.path.name for outcome in every if outcome.error]
    if len(every) > 1:
        kept = sum(outcome.kept for outcome in every)
        already = f" ({kept} by an earlier run)" if kept else ""
        print(f"{len(every) - len(failed)} of {len(every)} files are done{already}: see {arguments.output / SUMMARY}")
        if failed:
            complain("segment", f"Without results: {', '.join(failed)}.")
    if not failed:
        print(DISCLAIMER)
    return BAD_INPUT if failed else 0


def tell_outcome(outcome: Outcome, folder: Path) -> None:
    """A file's results in a line, and what to know about them; or why there are none."""
    from .inference.one_file import name_of

    if outcome.report is None:
        complain("segment", outcome.error)
        return
    report = outcome.report
    found = ", ".join(f"{values['components']} {name}" for name, values in report["classes"].items())
    print(
        f"{folder / name_of(outcome.path)}: {restoration_in_words(report)}; segments: {found}; "
        f"{sum(report['seconds'].values()):.1f} s on {report['device']}"
    )
    for warning in report["warnings"]:
        print(f"  Note: {warning}")
    sys.stdout.flush()


def restoration_in_words(report: dict[str, Any]) -> str:
    """What restoration removed, and what it changed where nothing was to be removed."""
    corrupted, largest, change = (report[key] for key in ("corrupted patches", "largest g", "change of clean patches"))
    words = f"corrupted patches {corrupted['before']} → {corrupted['after']}"
    if largest["before"] is not None:
        words += f", largest g {largest['before']} → {largest['after']}"
    if change is not None:
        words += f", clean patches changed by {change} grey levels"
    return words


def project(arguments: argparse.Namespace) -> int:
    """Project a volume to its VPI."""
    from .projection.files import Wanted, project_file, write_vpi

    wanted = Wanted(arguments.depth, arguments.thickness, arguments.method, arguments.axis, arguments.direction)
    projected = project_file(arguments.input, wanted, Bar("Projecting"))
    write_vpi(projected.vpi, arguments.output)
    (rows, columns), (down, across) = projected.vpi.pixels.shape, projected.vpi.spacing
    print(
        f"{arguments.output}: {columns} × {rows} pixels of {across:.3g} × {down:.3g} mm; "
        "the {method} of {thickness_mm:g} mm from {depth_mm:g} mm under the skin on; head at {head}, skin at {skin}"
        "".format(**projected.report)
    )
    for note in projected.notes:
        print(f"  Note: {note}")
    print(DISCLAIMER)
    return 0


def simulate(arguments: argparse.Namespace) -> int:
    """Write a data set of simulated spines."""
    from .simulation import write_dataset

    write_dataset(arguments.output, arguments.subjects, arguments.seed, Bar("Simulating"), arguments.volumes)
    print(f"{arguments.output}: {arguments.subjects} simulated spines")
    return 0


def compare(arguments: argparse.Namespace) -> int:
    """Compare real VPI with simulated ones."""
    from .simulation.comparison import compare as run_comparison
    from .vpi.picture import read_vpi

    real = [read_vpi(path).pixels for path in arguments.inputs]
    print(run_comparison(real, arguments.output, arguments.subjects, arguments.seed, Bar("Comparing")))
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Look through a data set before training on it."""
    from .training.checking import check as run_check

    findings = run_check(arguments.data, Bar("Checking"))
    for trouble in findings.troubles:
        complain("check", trouble)
    dataset = findings.dataset
    print(
        f"{dataset.name}: usable subjects: {len(dataset.train)} to train on, {len(dataset.test)} to test on; "
        f"troubles: {len(findings.troubles) or 'none'}"
    )
    for note in findings.notes:
        print(f"  Note: {note}")
    return BAD_INPUT if findings.troubles else 0


def train(arguments: argparse.Namespace) -> int:
    """Train on a data set."""
    from .training.presets import PRESETS
    from .training.trainer import train as run_training

    preset = PRESETS[arguments.preset]
    model = run_training(
        arguments.data,
        arguments.output,
        preset,
        arguments.seed,
        arguments.resume,
        name=arguments.preset,
        precision=arguments.precision,
    )
    print(f"{arguments.output / 'best.pt'}: {model.provenance}")
    return 0


def evaluate(arguments: argparse.Namespace) -> int:
    """Score a model on a data set; a subject that can't be used doesn't stop the others."""
    from .evaluation.scoring import as_markdown
    from .evaluation.scoring import evaluate as run_evaluation
    from .inference.pipeline import Pipeline

    pipeline = Pipeline.load(arguments.model, arguments.device)
    scores = run_evaluation(arguments.data, pipeline, arguments.output, arguments.split, Bar("Evaluating"))
    print(as_markdown(scores))
    return report_left_out("evaluate", scores["left out"])


def benchmark(arguments: argparse.Namespace) -> int:
    """Train and evaluate every system of Table 1; one that fails doesn't stop the others."""
    from .baselines.budget import BUDGETS
    from .evaluation.benchmarking import benchmark as run_benchmark
    from .evaluation.benchmarking import named

    try:
        without = run_benchmark(
            arguments.data,
            arguments.output,
            named(arguments.systems),
            arguments.seeds,
            BUDGETS[arguments.budget],
            arguments.device,
            arguments.precision,
            tell=lambda line: print(line, flush=True),
            bar=Bar,
        )
    except KeyboardInterrupt:
        complain("benchmark", "Stopped: the same command goes on from here.")
        return STOPPED
    if without is None:  # another process has the last word
        return 0
    print(f"See {arguments.output / 'benchmark.md'}")
    for name, reason in without.items():
        complain("benchmark", f"{name} has no result: {reason}")
    return BAD_INPUT if without else 0


def versus(arguments: argparse.Namespace) -> int:
    """Compare evaluations of the same subjects."""
    from .evaluation.pairwise import as_markdown
    from .evaluation.pairwise import versus as run_versus

    print(as_markdown(run_versus(arguments.scores, arguments.output)))
    return 0


def robustness(arguments: argparse.Namespace) -> int:
    """Score a model on changed pictures; a subject that can't be used doesn't stop the others."""
    from .evaluation.changed_pictures import as_markdown
    from .evaluation.changed_pictures import robustness as run_robustness
    from .inference.pipeline import Pipeline

    pipeline = Pipeline.load(arguments.model, arguments.device)
    report = run_robustness(arguments.data, pipeline, arguments.output, arguments.subjects, Bar("Changing"))
    print(as_markdown(report))
    return report_left_out("robustness", report["left out"])


def report_left_out(command: str, left_out: dict[str, str]) -> int:
    """Complain of the subjects that an evaluation had to do without; returns the exit status."""
    for reason in left_out.values():
        complain(command, reason)
    return BAD_INPUT if left_out else 0


def build_parser() -> Parser:
    parser = Parser(prog="python -m DAGANSpineLib", description=f"Restore and segment spine VPI. {DISCLAIMER}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("segment", help="restore and segment VPI files", epilog=WHAT_IS_COUNTED)
    command.add_argument(
        "inputs",
        nargs="+",
        type=Path,
        metavar="INPUT",
        help="PNG, JPEG, TIFF, NRRD, NIfTI, MHA, DICOM, or folders of them (their sub-folders are not entered)",
    )
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="results go to DIR/NAME/; of several inputs also DIR/summary.csv and DIR/contact-sheet-01.png",
    )
    command.add_argument(
        "--resume", action="store_true", help="keep results that the same model has made of the same content"
    )
    command.add_argument("--model", type=Path, metavar="FILE", help="a model file; without it, the bundled one")
    command.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    command.set_defaults(run=segment)

    command = commands.add_parser("project", help="project a volume to its VPI, along a slab that follows the back")
    command.add_argument(
        "input", type=Path, metavar="VOLUME", help="NRRD, NIfTI, MHA, DICOM, or a DICOM series' folder"
    )
    command.add_argument(
        "-o", "--output", type=Path, required=True, metavar="VPI", help="NRRD, NIfTI or MHA, which keep its place; PNG"
    )
    command.add_argument("--depth", type=float, metavar="MM", help="of the slab under the skin; without it, found out")
    command.add_argument("--thickness", type=float, default=3.0, metavar="MM", help="of the slab, 3 if not given")
    command.add_argument("--method", default="mean", choices=("mean", "maximum"), help="of the slab's voxels")
    sides = {"choices": tuple("RLAPIS"), "metavar": "SIDE"}
    command.add_argument(
        "--axis", **sides, help="where the head lies, in the volume's coordinates: R, L, A, P, I or S; else found out"
    )
    command.add_argument("--direction", **sides, help="where the skin lies, from which is looked: likewise")
    command.set_defaults(run=project)

    command = commands.add_parser("simulate", help="write a data set of simulated spines")
    command.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="an empty or new folder")
    command.add_argument(
        "--subjects", type=at_least(2), default=109, metavar="N", help="109 if not given, as in the paper"
    )
    command.add_argument("--seed", type=at_least(0), default=0, metavar="S")
    command.add_argument(
        "--volumes", action="store_true", help="also write volumes/ID.nrrd, the voxels that each VPI is made of"
    )
    command.set_defaults(run=simulate)

    command = commands.add_parser("compare", help="compare real VPI with simulated ones, in figures and side by side")
    command.add_argument("inputs", nargs="+", type=Path, metavar="VPI", help="real ones")
    command.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="the table and a contact sheet"
    )
    command.add_argument(
        "--subjects", type=at_least(2), default=40, metavar="N", help="simulated ones, 40 if not given"
    )
    command.add_argument("--seed", type=at_least(0), default=0, metavar="S")
    command.set_defaults(run=compare)

    command = commands.add_parser("check", help="look for unusable files in a data set")
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help="a data set")
    command.set_defaults(run=check)

    command = commands.add_parser("train", help="train a model on a data set")
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help="a data set")
    command.add_argument("-o", "--output", type=Path, required=True, metavar="RUN", help="the run folder")
    command.add_argument("--preset", default="bundled", choices=("paper", "bundled", "smoke"))
    command.add_argument("--seed", type=at_least(0), default=0, metavar="S")
    command.add_argument(
        "--precision",
        default="auto",
        choices=("auto", "full", "bf16", "fp16"),
        help="of the convolutions; auto: on CUDA bf16 or, before Ampere, fp16, elsewhere full",
    )
    command.add_argument("--resume", action="store_true", help="go on with the run in RUN")
    command.set_defaults(run=train)

    command = commands.add_parser("evaluate", help="score a model on a data set")
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help="a data set")
    command.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="scores, plot and worst cases")
    command.add_argument("--model", type=Path, metavar="FILE", help="a model file; without it, the bundled one")
    command.add_argument("--split", default="test", choices=("train", "test"))
    command.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    command.set_defaults(run=evaluate)

    command = commands.add_parser(
        "benchmark",
        help="train and evaluate every system of the paper's table 1, side by side; go on with what was interrupted",
        epilog="Under torchrun processes share the jobs: torchrun --nproc-per-node 2 -m DAGANSpineLib benchmark ...",
    )
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help="a data set")
    command.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="run folders, tables, plot and gallery"
    )
    command.add_argument(
        "--systems", nargs="+", metavar="SYSTEM", help="some of them, such as da-gan n2v; without it, all"
    )
    command.add_argument(
        "--seeds", nargs="+", type=at_least(0), default=[0, 1, 2], metavar="S", help="0 1 2 if not given"
    )
    command.add_argument(
        "--budget",
        default="laptop",
        choices=("paper", "long", "laptop", "smoke"),
        help="paper: its schedule, for a GPU; laptop: slimmer and shorter, some hours on two cores; long: four times "
        "as long as that; smoke: to see that all runs",
    )
    command.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    command.add_argument(
        "--precision", default="auto", choices=("auto", "full", "bf16", "fp16"), help="of training; see train"
    )
    command.set_defaults(run=benchmark)

    command = commands.add_parser("versus", help="compare evaluations of the same subjects, one against the others")
    command.add_argument(
        "scores", nargs="+", type=Path, metavar="SCORES", help="what evaluate wrote: the reference, then the others"
    )
    command.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="tables and a plot")
    command.set_defaults(run=versus)

    command = commands.add_parser(
        "robustness",
        help="score a model on pictures of other pixel sizes, with parts missing, brighter, darker, mirrored",
    )
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help="a data set")
    command.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="table and contact sheet")
    command.add_argument("--model", type=Path, metavar="FILE", help="a model file; without it, the bundled one")
    command.add_argument("--subjects", type=at_least(1), metavar="N", help="the first N test subjects; without it, all")
    command.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    command.set_defaults(run=robustness)
    return parser


def at_least(smallest: int):
    """An argument type: whole numbers from `smallest` on."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < smallest:
            raise argparse.ArgumentTypeError(f"{text} is no whole number from {smallest} on")
        return int(text)

    return number


def complain(command: str, error: object) -> None:
    """One line on standard error."""
    print(f"{command}: {' '.join(str(error).split())}", file=sys.stderr)


def main() -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # Windows' encodings for files and pipes lack arrows
    arguments = build_parser().parse_args()
    command = arguments.run.__name__
    try:
        return arguments.run(arguments)
    except UserError as error:
        complain(command, error)
    except ModuleNotFoundError as error:
        extra = "[train]" if command in NEED_TRAINING else ""
        complain(command, f"The Python package {error.name} is missing: pip install -e '.{extra}' brings it.")
    except OSError as error:
        complain(command, f"{error.filename or 'A file'} can't be read or written: {error.strerror or error}.")
    except KeyboardInterrupt:
        complain(command, "Stopped.")
        return STOPPED
    return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
