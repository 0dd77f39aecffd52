"""Tasks (the unit a customer sends and gets back) and the frames of a drive."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.clock import utc_now
from marketplace.db import Base, UtcDateTime
from marketplace.models.columns import CreatedAt, IdColumn, OptionalTime, words
from marketplace.models.customer import Customer, KeyMode
from marketplace.models.project import Batch, Project


class TaskStatus(StrEnum):
    """What the customer sees."""

    PENDING = "pending"
    COMPLETED = "completed"
    CANCELED = "canceled"
    ERROR = "error"


TASK_MOVES: dict[TaskStatus, set[TaskStatus]] = {
    TaskStatus.PENDING: {TaskStatus.COMPLETED, TaskStatus.CANCELED, TaskStatus.ERROR},
}


class TaskStage(StrEnum):
    """How far down the pipeline a task is; each stage's job looks here first, since a job may run twice."""

    RECEIVED = "received"  # next: ingest
    INGESTED = "ingested"  # next: split
    LABELING = "labeling"  # next: assemble, once every subtask is closed
    CLOSED = "closed"  # completed, canceled or in error; only callbacks may be left


STAGE_MOVES: dict[TaskStage, set[TaskStage]] = {
    TaskStage.RECEIVED: {TaskStage.INGESTED, TaskStage.CLOSED},
    TaskStage.INGESTED: {TaskStage.LABELING, TaskStage.CLOSED},
    TaskStage.LABELING: {TaskStage.CLOSED},
}


class Task(Base):
    __tablename__ = "task"
    __table_args__ = (
        # Idempotency of the customers' API: one live and one test task at most per unique_id.
        Index("uq_task_unique_id", "customer_id", "mode", "unique_id", unique=True),
        Index("ix_task_list", "customer_id", "mode", "id"),
        Index("ix_task_project_id", "project_id", "id"),
        Index("ix_task_batch_id", "batch_id", "id"),
        Index("ix_task_open_stage", "stage", "updated_at", postgresql_where="stage <> 'closed'"),
    )

    id: Mapped[IdColumn]
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"))
    mode: Mapped[KeyMode] = mapped_column(words(KeyMode))
    project_id: Mapped[str | None] = mapped_column(ForeignKey("project.id"))
    batch_id: Mapped[str | None] = mapped_column(ForeignKey("batch.id"))
    type: Mapped[str] = mapped_column(String(40))
    status: Mapped[TaskStatus] = mapped_column(words(TaskStatus), default=TaskStatus.PENDING)
    stage: Mapped[TaskStage] = mapped_column(words(TaskStage), default=TaskStage.RECEIVED)
    params: Mapped[dict[str, Any]]
    param_version: Mapped[int | None]
    instruction: Mapped[str] = mapped_column(Text, default="")
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    callback_url: Mapped[str | None] = mapped_column(String(2000))
    callback_succeeded: Mapped[bool | None]
    unique_id: Mapped[str | None] = mapped_column(String(500))
    clear_unique_id_on_error: Mapped[bool] = mapped_column(default=False)
    tags: Mapped[list[Any]] = mapped_column(default=list)
    priority: Mapped[int] = mapped_column(default=10)
    response: Mapped[dict[str, Any] | None]
    work_started: Mapped[bool] = mapped_column(default=False)  # the first claim; cancel is refused from then on
    customer_review_status: Mapped[str | None] = mapped_column(String(20))
    audits: Mapped[list[Any]] = mapped_column(default=list)
    # Gold: the customer (or the demo world) gave the right answer; such a task measures labelers and is not delivered.
    expected_answer: Mapped[dict[str, Any] | None]
    quote_cents: Mapped[int] = mapped_column(BigInteger, default=0)  # reserved at intake
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    frames_total: Mapped[int] = mapped_column(default=0)
    frames_ready: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, onupdate=utc_now)
    completed_at: Mapped[OptionalTime]

    customer: Mapped[Customer] = relationship()
    project: Mapped[Project | None] = relationship()
    batch: Mapped[Batch | None] = relationship()


class Frame(Base):
    """One frame of a drive: where its compact points lie, and the small things a workbench needs at once."""

    __tablename__ = "frame"

    task_id: Mapped[str] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    points_key: Mapped[str] = mapped_column(String(300))  # the LYPF blob in storage
    points_count: Mapped[int]
    # {timestamp, device, gps, radar, images: [{camera, key, width, height, ...}]}: the subtask payload's frame with
    # storage keys where the payload has signed URLs.
    manifest: Mapped[dict[str, Any]]
