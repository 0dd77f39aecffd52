"""A customer's tasks: the list, and one task's way down the pipeline in numbers."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select

from marketplace.db import db
from marketplace.errors import NotFound
from marketplace.formats import between_frames
from marketplace.models import (
    Assignment,
    AssignmentState,
    Batch,
    CallbackAttempt,
    Customer,
    Deliverable,
    Frame,
    KeyMode,
    Project,
    Slot,
    SlotState,
    Subtask,
    SubtaskState,
    Task,
    TaskStage,
    TaskStatus,
)
from marketplace.reports.listing import Found, Wish, fetch, find_own

RATE_SPAN = timedelta(hours=1)
PAGE_IDS = "page-"


@dataclass(frozen=True)
class TaskRow:
    task: Task
    batch: str | None
    subtasks: int
    resolved: int

    @property
    def own_id(self) -> str | None:
        """The customer's own id; one that a page made to keep a form from being sent twice is none."""
        return self.task.unique_id if not (self.task.unique_id or "").startswith(PAGE_IDS) else None


def tasks_of(
    project: Project, wish: Wish, *, status: TaskStatus | None, batch: str | None, words: str | None
) -> Found[TaskRow]:
    """The project's tasks; `words` finds by id, unique id or tag."""
    pieces = select(func.count()).where(Subtask.task_id == Task.id)
    total = pieces.scalar_subquery().label("subtasks")
    resolved = pieces.where(Subtask.state == SubtaskState.RESOLVED).scalar_subquery().label("resolved")
    statement = (
        select(Task, Batch.name, total, resolved)
        .outerjoin(Batch, Batch.id == Task.batch_id)
        .where(Task.project_id == project.id, Task.expected_answer.is_(None))
    )
    if status is not None:
        statement = statement.where(Task.status == status)
    if batch:
        statement = statement.where(Batch.name == batch)
    if words:
        statement = statement.where(or_(Task.id == words, Task.unique_id == words, Task.tags.contains([words])))
    columns = {
        "created": Task.created_at,
        "completed": Task.completed_at,
        "frames": Task.frames_total,
        "price": Task.quote_cents,
        "status": Task.status,
        "priority": Task.priority,
    }
    return fetch(statement, wish, columns=columns, default="-created", tie=Task.id, convert=lambda row: TaskRow(*row))


def own_task(customer: Customer, mode: KeyMode, word: str) -> Task:
    """By id or unique id; raises NotFound for a foreign one."""
    task: Task | None = find_own(Task, Task.unique_id, customer, mode, word)
    if task is None:
        raise NotFound(f'You have no task "{word}".')
    return task


@dataclass(frozen=True)
class Step:
    """Where a task is on its way, with what is done of the step it is in."""

    words: str
    done: int
    total: int
    unit: str
    rate_per_hour: float | None
    left_seconds: float | None
    moving: bool


def step_of(task: Task, now: datetime) -> Step:
    if task.stage is TaskStage.CLOSED:
        return Step(str(task.status), 1, 1, "tasks", None, None, moving=False)
    if task.stage is TaskStage.RECEIVED:
        return _ingest_step(task, now)
    if task.stage is TaskStage.INGESTED:
        return Step("it waits to be cut into subtasks", 0, 1, "tasks", None, None, moving=True)
    return _labeling_step(task, now)


def _ingest_step(task: Task, now: datetime) -> Step:
    rate = left = None
    running = (now - task.created_at).total_seconds()
    if task.frames_ready and running > 0:
        rate = task.frames_ready / running * 3600
        left = (task.frames_total - task.frames_ready) / rate * 3600
    words = "the attachments are fetched and checked"
    return Step(words, task.frames_ready, task.frames_total, "frames", rate, left, moving=True)


def _labeling_step(task: Task, now: datetime) -> Step:
    done, total = db.session.execute(
        select(func.count().filter(Slot.state == SlotState.DONE), func.count().filter(Slot.state != SlotState.CANCELED))
        .join(Subtask, Subtask.id == Slot.subtask_id)
        .where(Subtask.task_id == task.id)
    ).one()
    recent = db.session.scalar(
        select(func.count())
        .select_from(Assignment)
        .join(Subtask, Subtask.id == Assignment.subtask_id)
        .where(Subtask.task_id == task.id, Assignment.submitted_at > now - RATE_SPAN)
    )
    rate = float(recent) if recent else None
    left = (total - done) / rate * 3600 if rate else None
    return Step("labelers answer", done, total, "answers", rate, left, moving=True)


@dataclass(frozen=True)
class SubtaskRow:
    subtask: Subtask
    claimed: int
    submitted: int
    accepted: int


def subtasks_of(task: Task, limit: int = 500) -> list[SubtaskRow]:
    def counted(*states: AssignmentState) -> Any:
        return func.count(Assignment.id).filter(Assignment.state.in_(states))

    rows = db.session.execute(
        select(
            Subtask,
            counted(AssignmentState.CLAIMED),
            counted(AssignmentState.SUBMITTED),
            counted(AssignmentState.ACCEPTED),
        )
        .outerjoin(Assignment, Assignment.subtask_id == Subtask.id)
        .where(Subtask.task_id == task.id)
        .group_by(Subtask.id)
        .order_by(Subtask.position)
        .limit(limit)
    )
    return [SubtaskRow(*row) for row in rows]


@dataclass(frozen=True)
class FrameRow:
    number: int
    timestamp: float | None
    points: int
    images: int
    radar: int
    imu: int
    gps: bool


def frames_of(task: Task, limit: int = 1_000) -> tuple[list[FrameRow], list[str]]:
    """What each frame holds, and for each sensor that some of them lack a sentence that says which."""
    frames = db.session.scalars(select(Frame).where(Frame.task_id == task.id).order_by(Frame.number).limit(limit)).all()
    gaps = between_frames.gaps([between_frames.of_manifest(frame.number, frame.manifest) for frame in frames])
    return [_frame_row(frame) for frame in frames], gaps


def _frame_row(frame: Frame) -> FrameRow:
    manifest = frame.manifest
    return FrameRow(
        number=frame.number,
        timestamp=manifest.get("timestamp"),
        points=frame.points_count,
        images=len(manifest.get("images") or []),
        radar=len(manifest.get("radar") or []),
        imu=len((manifest.get("imu") or {}).get("timestamps", [])),
        gps=bool(manifest.get("gps")),
    )


def callbacks_of(task: Task) -> list[CallbackAttempt]:
    return list(
        db.session.scalars(
            select(CallbackAttempt).where(CallbackAttempt.task_id == task.id).order_by(CallbackAttempt.created_at)
        )
    )


@dataclass(frozen=True)
class Seam:
    """How well two neighbouring windows fitted together; the residuals are mean differences of linked cuboids."""

    pieces: tuple[int, int]
    frames: tuple[int, int]
    linked: int
    doubtful: int
    unlinked: int
    position_m: float | None
    yaw_deg: float | None
    size_percent: float | None


def seams_of(deliverable: Deliverable) -> list[Seam]:
    """From the report of the assembly; empty where nothing was rejoined."""
    report = deliverable.report
    doubtful = Counter(tuple(link["pieces"]) for link in report.get("links", []) if link["ambiguous"])
    alone = report.get("unlinked", [])
    found = []
    for seam in report.get("seams", []):
        first, last = seam["frames"]
        inside = [one for one in alone if one["piece"] in seam["pieces"] and first <= one["frame"] < last]
        residual = seam["residual"] or {}
        pieces = (seam["pieces"][0], seam["pieces"][1])
        found.append(
            Seam(
                pieces=pieces,
                frames=(first, last),
                linked=seam["linked"],
                doubtful=doubtful[pieces],
                unlinked=len(inside),
                position_m=residual.get("position_m"),
                yaw_deg=residual.get("yaw_deg"),
                size_percent=residual.get("size_percent"),
            )
        )
    return found


def deliverable_of(task: Task) -> Deliverable | None:
    """The newest version."""
    return db.session.scalar(
        select(Deliverable).where(Deliverable.task_id == task.id).order_by(Deliverable.version.desc()).limit(1)
    )
