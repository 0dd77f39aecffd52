"""Commands about data: real drives in, deliverables out, and the demo world with its simulated labelers."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, or_, select

from marketplace.cli import DATA_OPTION, in_marketplace, marketplace_of
from marketplace.config import ConfigError
from marketplace.db import db
from marketplace.embedded import EmbeddedError
from marketplace.errors import InvalidInput, LabelyardError, NotFound
from marketplace.models import Customer, KeyMode, Task

IMAGES = "images"


class Format(click.ParamType[str]):
    """A data set's format. The readers are loaded when one is asked for: they would slow down every other command."""

    name = "format"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from marketplace.drives import READERS

        if value not in READERS and value != IMAGES:
            self.fail(f"{value!r} is not one of {', '.join((*READERS, IMAGES))}.", param, ctx)
        return value


@click.command("import")
@click.argument("format_name", metavar="FORMAT", type=Format())
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--project", required=True, help="The project's name; it is made if there is none.")
@click.option("--customer", "customer_name", help="Its id, name or email; not needed if there is but one.")
@click.option("--frames", "frames_max", type=click.IntRange(1), help="At most so many frames or images.")
@click.option("--label", "labels", multiple=True, help="In place of the labels that the data set has.")
@in_marketplace
def import_data(
    format_name: str,
    path: Path,
    project: str,
    customer_name: str | None,
    frames_max: int | None,
    labels: tuple[str, ...],
) -> dict[str, Any]:
    """Read a data set from disk and submit it as tasks.

    FORMAT is kitti-tracking, nuscenes, pandaset or argoverse2 for drives, or images for a folder of pictures. Prints
    the project, the tasks' ids, and a note for each sensor that some frames lack.
    """
    from marketplace import drives

    customer, notes = find_customer(customer_name), list[str]()
    if format_name == IMAGES:
        tasks = drives.submit_images(customer, KeyMode.LIVE, project, path, frames_max=frames_max, labels=labels)
    else:
        tasks = [
            drives.submit_drive(
                customer, KeyMode.LIVE, project, drive, frames_max=frames_max, labels=labels, note=notes.append
            )
            for drive in drives.READERS[format_name](path)
        ]
    return {"project": project, "tasks": [task.id for task in tasks], "notes": notes}


def find_customer(name: str | None) -> Customer:
    """The customer of this id, name or email; without one, the only customer there is."""
    query = select(Customer).limit(2)
    if name is not None:
        query = query.where(or_(Customer.id == name, Customer.name == name, func.lower(Customer.email) == name.lower()))
    found = db.session.scalars(query).all()
    if not found:
        raise NotFound(f'There is no customer "{name}".' if name else "There is no customer yet.")
    if len(found) > 1:
        raise InvalidInput("There are several customers; say which one with --customer.", "customer")
    return found[0]


@click.command()
@click.argument("task_id", metavar="TASK")
@click.option("--format", "format_name", required=True, help="scale, openlabel or kitti-tracking.")
@click.option("--out", type=click.Path(path_type=Path), help="A file to write; without it the deliverable's own name.")
@in_marketplace
def export(task_id: str, format_name: str, out: Path | None) -> dict[str, Any]:
    """Write a completed task's deliverable in a standard format."""
    from marketplace import exports

    task = db.session.get(Task, task_id)
    if task is None:
        raise NotFound(f"There is no task {task_id}.")
    made = exports.export(task, format_name)
    path = out or Path(made.name)
    path.write_bytes(made.content)
    return {"path": str(path), "bytes": len(made.content), "mime_type": made.mime_type}


@click.command()
@DATA_OPTION
@click.option("--project", required=True)
@click.option("--labelers", default=3, show_default=True, type=click.IntRange(1, 64))
@click.option("--noise", "noise_metres", default=0.05, show_default=True, type=click.FloatRange(0, 2))
@click.option("--seed", default=0, show_default=True)
def simulate(data: Path, project: str, labelers: int, noise_metres: float, seed: int) -> None:
    """Work through a project with simulated labelers over the running marketplace's `/labeler`."""
    from marketplace import simulated_work

    with said_plainly(), marketplace_of(data):
        done = simulated_work.work_through(project, labelers, noise_metres=noise_metres, seed=seed)
    click.echo(json.dumps({"answers": done}, indent=2))


@click.command("demo")
@DATA_OPTION
def make_demo(data: Path) -> None:
    """Fill an empty marketplace with the demo world, once, and print how to sign in (`flask up --demo` does it)."""
    from marketplace import demo

    os.environ.setdefault("DEMO", "true")
    with said_plainly(), marketplace_of(data):
        demo.make()
        click.echo(demo.sign_ins())


@contextmanager
def said_plainly() -> Iterator[None]:
    """What the caller can put right is one line, not a traceback."""
    try:
        yield
    except (LabelyardError, ConfigError, EmbeddedError) as error:
        raise click.ClickException(str(error)) from error


COMMANDS = (import_data, simulate, export, make_demo)
