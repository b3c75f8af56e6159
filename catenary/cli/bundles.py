"""Model bundles."""

from pathlib import Path
from typing import Annotated

import typer

from catenary.cli.options import Device
from catenary.cli.terminal import FAILED, one_of, progress, say

commands = typer.Typer(no_args_is_help=True, help="Make, calibrate and verify model bundles.")


@commands.command("make")
def make_bundle(  # noqa: PLR0913 - every option of the command is a parameter
    detector: Annotated[Path, typer.Argument(help="Run folder of a trained detector.")],
    classifier: Annotated[Path, typer.Argument(help="Run folder of a trained classifier.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Bundle folder to make.")],
    refiner: Annotated[
        Path | None, typer.Option(help="Run folder of a trained box refiner, if there is one.")
    ] = None,
    anomaly: Annotated[
        Path | None, typer.Option(help="Run folder of a fitted anomaly scorer, if there is one.")
    ] = None,
    data: Annotated[str, typer.Option(help="Whence the training data are, for the card.")] = "",
    weakness: Annotated[
        list[str] | None,
        typer.Option(help="What it is known to do badly, for the card; repeatable."),
    ] = None,
) -> None:
    """Join trained networks into a bundle."""
    from catenary.jobs.learning import learn as job
    from catenary.training.export import Runs

    runs_made = Runs(detector, classifier, refiner, anomaly)
    job.make_bundle(runs_made, output, data, tuple(weakness or ()))
    say(f"Bundle: {output}. Next: catenary bundle calibrate {output} LABELS")


@commands.command("calibrate")
def calibrate_bundle(  # noqa: PLR0913 - every option of the command is a parameter
    bundle: Annotated[Path, typer.Argument(help="Bundle folder; its card is rewritten.")],
    labels: Annotated[Path, typer.Argument(help="COCO labels of masts training did not see.")],
    split: Annotated[
        Path | None, typer.Option(help="Split file: take one part of the labels only.")
    ] = None,
    part: Annotated[str, typer.Option(help="Part of the split.")] = "calibration",
    false_per_image: Annotated[
        float, typer.Option(help="Alarm budget of each component, false findings a photograph.")
    ] = 0.02,
    device: Device = "auto",
    guarantee: Annotated[
        Path | None,
        typer.Option(help="COCO labels of still other masts, to promise a bound on misses."),
    ] = None,
    guarantee_part: Annotated[
        str, typer.Option(help="Part of the split that is taken of the --guarantee labels.")
    ] = "guarantee",
    miss: Annotated[
        float, typer.Option(help="Largest share of defects of a condition that may be missed.")
    ] = 0.05,
    confidence: Annotated[
        float, typer.Option(help="Probability with which the promise must hold.")
    ] = 0.95,
) -> None:
    """Fit fusion weights and thresholds, and write them into the bundle's card.

    With --guarantee, also the thresholds that miss at most so many defects, where there are
    enough of them to promise that.
    """
    from catenary.evaluation.guarantee import Target
    from catenary.jobs.learning import calibrate, promise, unseen
    from catenary.jobs.learning import learn as job
    from catenary.models import bundle as bundles_room

    try:
        target = Target(miss, confidence)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    choice = unseen.Choice(labels, split, part)
    fitted = unseen.read(choice)
    unseen.refuse_learnt(choice, bundles_room.verify(bundle).data.fingerprint)
    promised = None
    if guarantee:
        promised = unseen.read(unseen.Choice(guarantee, split, guarantee_part))
        unseen.check_apart(fitted, promised)
    with progress("calibrate") as step:
        done = job.calibrate_bundle(bundle, fitted, false_per_image, device, step)
    say(*calibrate.lines(done))
    if promised:
        with progress("guarantee") as step:
            made = promise.promise(bundle, promised, target, device, step)
        say(*promise.lines(made))


@commands.command("verify")
def verify_bundle(
    bundle: Annotated[Path, typer.Argument(help="Bundle folder.")],
    same: Annotated[
        bool,
        typer.Option(
            "--parity", help="Also ask its networks: loaded again, in batches, in bfloat16."
        ),
    ] = False,
) -> None:
    """Check seal, hashes, classes and input contract of a bundle without loading its weights.

    With --parity, exit code 1 when it answers differently when it is asked another way.
    """
    from catenary.models import bundle as bundles_room

    card = bundles_room.verify(bundle)
    say(f"{card.version}: whole; components {', '.join(card.classes)}")
    if same:
        from catenary.models import parity

        compared = parity.compare(bundle)
        say(*parity.lines(compared))
        if any(one.broken for one in compared):
            raise typer.Exit(FAILED)


@commands.command("seal")
def seal_bundle(
    bundle: Annotated[Path, typer.Argument(help="Bundle folder; its card is rewritten.")],
) -> None:
    """Seal the card of a bundle from before cards had seals; look at it first."""
    from catenary.models import bundle as bundles_room

    card = bundles_room.with_seal(bundle)
    say(f"{card.version}: sealed")


@commands.command("export")
def export_bundle(
    bundle: Annotated[Path, typer.Argument(help="Bundle folder.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to make.")],
    form: Annotated[str, typer.Option("--format", help="onnx.")] = "onnx",
) -> None:
    """Write the networks for other programs, and check that they answer the same."""
    from catenary.models import onnx_export, parity

    one_of(form, ("onnx",), "--format")
    done = onnx_export.export(bundle, output)
    say(*parity.lines([done.parity]))
    for name in done.left_out:
        say(f"left out: {name}")
    say(f"{output}: {', '.join(done.files)}")
