"""The demo world: people, funds and simulated drives in an empty marketplace, through the doors that real ones use."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import click
import numpy as np
from sqlalchemy import func, select, update

from marketplace import drives, people, queue
from marketplace.auth import settings
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.demo_texts import (
    CATEGORIES,
    DRIVE_INSTRUCTION,
    IMAGE_INSTRUCTION,
    NOTE_INSTRUCTION,
    NOTES,
    OTHER_READING,
)
from marketplace.errors import WrongState
from marketplace.models import Assignment, Customer, KeyMode, Labeler, Project, Role, Task, User
from marketplace.pipeline import dispatch, intake, settle, submit
from marketplace.simulator import labeler as hand
from marketplace.simulator.recording import Recording, hire, record
from marketplace.simulator.street import LABELS
from marketplace.storage import storage
from payouts import postings
from routing.task_types import TASK_TYPES
from routing.types import Answer, Window

PASSWORD = "try-labelyard"  # noqa: S105  of a world without real money, printed at every start
DOMAIN = "demo.labelyard.example"
FUNDS_CENTS = 1_000_000
LIVE = KeyMode.LIVE

DRIVES, IMAGES, TEXTS = "City drives", "Street images", "Drivers' notes"
# A window of 10 frames is done in minutes; two frames of overlap join it to the next.
WINDOWS = {"window_frames": 10, "window_overlap": 2}
FIRST_FRAMES, MAIN_FRAMES, GOLD_FRAMES = 16, 40, 4
SEED_FIRST, SEED_MAIN, SEED_GOLD = 3, 11, 29
PROCESSES = 2
LAST = "afternoon"
ROUNDS_MAX = 60
HOURS_AGO = 3  # the first drive came in, and its labelers began
STEADINESS = {"ana": 0.03, "ben": 0.06, "chris": 0.1}  # metres


@dataclass(frozen=True)
class Person:
    name: str
    role: str
    what: str

    @property
    def email(self) -> str:
        return f"{self.name.lower()}@{DOMAIN}"


PEOPLE = (
    Person("Ana", "labeler", "claims work, labels it and is paid"),
    Person("Ben", "labeler", "the same"),
    Person("Chris", "labeler", "the same"),
    Person("Rita", "reviewer", "labels, and decides where answers disagree"),
    Person("Nora", "customer", "sends drives and gets deliverables"),
    Person("Fay", "finance", "makes payout runs"),
    Person("Felix", "finance", "approves what Fay made"),
    Person("Omar", "operator", "sees queues, labelers and reviews"),
)
NORA = next(person for person in PEOPLE if person.name == "Nora")


def make() -> bool:
    """Fill an empty marketplace; returns whether it did. What others have put there is never touched.

    Each step is one transaction, and a start that was cut short is taken up again by the next one.
    """
    require_demo()
    with transaction():
        is_empty = db.session.scalar(select(User.id).limit(1)) is None
        if not is_empty and not _is_unfinished():
            return False
    click.echo("Making the demo world: driving through a simulated street ...")
    with hire(PROCESSES) as crew:
        if is_empty:
            first, gold = record(SEED_FIRST, FIRST_FRAMES, crew=crew), record(SEED_GOLD, GOLD_FRAMES, crew=crew)
            with transaction():
                _begin(first, gold)
        main = record(SEED_MAIN, MAIN_FRAMES, crew=crew)
    click.echo("... and labeling its first drive ...")
    work_off(seed=SEED_FIRST)
    with transaction():
        customer = db.session.scalars(select(Customer).filter_by(email=NORA.email)).one()
        _submit_drive(customer, main, LAST)
        _submit_images(customer, main, range(0, MAIN_FRAMES, 6))
        _submit_notes(customer, NOTES[5:])
    _run_jobs()
    settle.release_due_holds()
    return True


def _is_unfinished() -> bool:
    """Whether this is a demo world without its last drive."""
    drive = select(Task.id).filter_by(unique_id=f"demo-{LAST}").limit(1)
    return _nora() is not None and db.session.scalar(drive) is None


def _nora() -> str | None:
    return db.session.scalar(select(User.id).filter_by(email=NORA.email))


def _begin(first: Recording, gold: Recording) -> None:
    customer = _open_accounts()
    _make_projects(customer)
    _submit_gold(customer, gold)
    _submit_drive(customer, first, "morning", window_frames=6)
    _submit_images(customer, first, range(2, FIRST_FRAMES, 6))
    _submit_notes(customer, NOTES[:5])
    db.session.flush()
    db.session.execute(update(Task).values(created_at=utc_now() - timedelta(hours=HOURS_AGO, minutes=10)))


def require_demo() -> None:
    if not settings().demo:
        raise WrongState("The demo world is off: it is on where `flask up --demo` runs.")


def sign_ins() -> str:
    """The table of who may sign in, for people; empty words where this is no demo world."""
    if _nora() is None:
        return "This marketplace has people of its own, so the demo world was not made: it needs an empty data folder."
    width = max(len(person.email) for person in PEOPLE)
    rows = [f"  {person.role:<9} {person.email:<{width}}  {person.what}" for person in PEOPLE]
    return "\n".join(
        [
            "",
            "The demo world: its drives are simulated, its money is not real.",
            "",
            *rows,
            "",
            f"  sign in   {settings().base_url}/signin",
            f"  password  {PASSWORD}   (the same for all)",
            f"  API       {settings().base_url}/v1, described at {settings().base_url}/docs",
            "",
        ]
    )


# Accounts and projects


def _open_accounts() -> Customer:
    for person in PEOPLE:
        if person.role in {"labeler", "reviewer"}:
            reviewer = person.role == "reviewer"
            people.create_labeler(
                person.name, email=person.email, password=PASSWORD, qualify=TASK_TYPES, reviewer=reviewer
            )
        elif person.role in {Role.FINANCE, Role.OPERATOR}:
            people.create_staff(person.name, email=person.email, password=PASSWORD, role=Role(person.role))
    customer = people.create_customer("Northlight Robotics", email=NORA.email, password=PASSWORD).customer
    postings.fund_customer(db.session(), customer.id, FUNDS_CENTS, key=f"demo:{customer.id}")
    return customer


def _make_projects(customer: Customer) -> None:
    geometries = {"box": {"objects_to_annotate": list(LABELS), "min_height": 8, "min_width": 4}}
    notes = {"categories": CATEGORIES, "attachment_type": "text", "instruction": NOTE_INSTRUCTION, "answers": 2}
    drive = {"labels": list(LABELS), "instruction": DRIVE_INSTRUCTION, "max_distance_meters": 45, **WINDOWS}
    for name, task_type, params in (
        (DRIVES, "lidarannotation", drive),
        (IMAGES, "imageannotation", {"geometries": geometries, "instruction": IMAGE_INSTRUCTION}),
        (TEXTS, "categorization", notes),
    ):
        drives.ensure_project(customer, LIVE, name, task_type, params, simulated=True)


# Tasks, each with its truth kept beside it for the simulated labelers


def _submit_drive(customer: Customer, recording: Recording, name: str, **params: Any) -> None:
    drive = recording.drive(f"{name} drive")
    task = drives.submit_drive(customer, LIVE, DRIVES, drive, unique_id=f"demo-{name}", **params)
    _keep_truth(task, recording.tracks())


def _submit_gold(customer: Customer, recording: Recording) -> None:
    """Known answers, slipped in to measure the labelers."""
    truth = recording.tracks()
    drive = recording.drive("gold drive")
    _keep_truth(drives.submit_drive(customer, LIVE, DRIVES, drive, expected_answer=truth), truth)
    _submit_images(customer, recording, [0, GOLD_FRAMES - 1], gold=True)
    _submit_notes(customer, NOTES[-3:], gold=True)


def _submit_images(customer: Customer, recording: Recording, frames: Any, *, gold: bool = False) -> None:
    for number in frames:
        image, truth = recording.image(number, "front"), recording.boxes(number, "front")
        url = drives.store_picture(customer, LIVE, IMAGES, image, f"front-{number:03d}")
        _accept(customer, "imageannotation", {"project": IMAGES, "attachment": url}, truth, gold=gold)


def _submit_notes(customer: Customer, notes: Any, *, gold: bool = False) -> None:
    for text, category in notes:
        body = {"project": TEXTS, "attachment": text}
        _accept(customer, "categorization", body, {"category": category}, gold=gold)


def _accept(customer: Customer, task_type: str, body: dict[str, Any], truth: Answer, *, gold: bool) -> None:
    task = intake.accept_task(customer, LIVE, task_type, body, expected_answer=truth if gold else None)
    _keep_truth(task, truth)


def _keep_truth(task: Task, truth: Answer) -> None:
    storage().put(_truth_key(task.id), json.dumps(truth).encode())


def truth_of(task_id: str) -> Answer:
    """The true answer of one of the demo world's tasks; raises NotFound for any other."""
    return dict(json.loads(storage().get(_truth_key(task_id))))


def _truth_key(task_id: str) -> str:
    return f"truth/{task_id}.json"


# Work that is done when the first visitor comes


@dataclass
class _Shift:
    """A simulated labeler's day so far: when she is free for the next piece."""

    email: str
    noise_metres: float
    dice: np.random.Generator
    free_at: datetime

    def work_one(self) -> bool:
        """One claim and its answer; whether there was anything to do."""
        with transaction():
            assignment = dispatch.claim_next(self.labeler().id, now=self.free_at, rng=self.dice).assignment
            if assignment is None:
                return False
            claimed, epoch = assignment.id, assignment.epoch
            answer = _answer(assignment, self.noise_metres, self.dice)
            seconds = int(assignment.expected_seconds * self.dice.uniform(0.6, 1.1))
        done_at = self.free_at + timedelta(seconds=seconds + 1)
        with transaction():
            submit.submit_answer(self.labeler(), claimed, epoch, answer, seconds, now=done_at)
        self.free_at = done_at + timedelta(seconds=5)
        return True

    def labeler(self) -> Labeler:
        return db.session.scalars(select(Labeler).filter_by(email=self.email)).one()


def work_off(*, seed: int) -> None:
    """Let the demo's labelers claim and answer, and the jobs run, until nothing is left."""
    dice = np.random.default_rng(seed)
    began = utc_now() - timedelta(hours=HOURS_AGO)
    shifts = [_Shift(f"{name}@{DOMAIN}", noise, dice, began) for name, noise in STEADINESS.items()]
    for _ in range(ROUNDS_MAX):
        _run_jobs()
        worked = [shift.work_one() for shift in shifts]
        if not any(worked):
            return


def _run_jobs() -> None:
    queue.worker(burst=True)
    db.session.remove()


def _answer(assignment: Assignment, noise_metres: float, dice: np.random.Generator) -> Answer:
    subtask = assignment.subtask
    window = None
    if subtask.window_start is not None and subtask.window_stop is not None:
        window = Window(subtask.window_start, subtask.window_stop)
    task = subtask.task
    other = OTHER_READING.get(str(task.params.get("attachment")))
    if other is not None:
        is_first = db.session.scalar(select(func.count()).where(Assignment.subtask_id == subtask.id)) == 1
        return {"category": other} if is_first else truth_of(task.id)
    return hand.answer(task.type, truth_of(task.id), window, task.params, noise_metres, dice)


def project_named(name: str) -> Project | None:
    return db.session.scalar(select(Project).filter_by(name=name, mode=LIVE).limit(1))
