"""Deliverables (assembled, versioned output) and the callbacks that announce them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.clock import utc_now
from marketplace.db import Base, UtcDateTime
from marketplace.models.columns import CreatedAt, IdColumn, OptionalTime, words
from marketplace.models.project import Batch
from marketplace.models.task import Task


class Deliverable(Base):
    __tablename__ = "deliverable"
    __table_args__ = (UniqueConstraint("task_id", "version"),)

    id: Mapped[IdColumn]
    task_id: Mapped[str] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"))
    version: Mapped[int] = mapped_column(default=1)
    answer_key: Mapped[str] = mapped_column(String(300))  # the whole answer in our own shape, in storage
    response_key: Mapped[str | None] = mapped_column(String(300))  # the contract's file, where the type has one
    report: Mapped[dict[str, Any]] = mapped_column(default=dict)  # links with scores, seam residuals, unlinked tracks
    created_at: Mapped[CreatedAt]

    task: Mapped[Task] = relationship()


class CallbackState(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # all retries used


class CallbackAttempt(Base):
    """One callback that a task or a batch owes its customer, with the history of its tries."""

    __tablename__ = "callback"
    __table_args__ = (
        Index("ix_callback_due", "next_try_at", postgresql_where="state = 'pending'"),
        CheckConstraint("(task_id IS NULL) <> (batch_id IS NULL)", name="task_or_batch"),
    )

    id: Mapped[IdColumn]
    task_id: Mapped[str | None] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"), index=True)
    batch_id: Mapped[str | None] = mapped_column(ForeignKey("batch.id", ondelete="CASCADE"), index=True)
    event: Mapped[str] = mapped_column(String(40))  # completed, error, audit
    url: Mapped[str] = mapped_column(String(2000))
    state: Mapped[CallbackState] = mapped_column(words(CallbackState), default=CallbackState.PENDING)
    tries: Mapped[int] = mapped_column(default=0)  # begun; whoever begins one moves next_try_at, which is its lease
    next_try_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    last_status_code: Mapped[int | None]
    last_error: Mapped[str | None] = mapped_column(String(500))
    succeeded_at: Mapped[OptionalTime]
    created_at: Mapped[CreatedAt]

    task: Mapped[Task | None] = relationship()
    batch: Mapped[Batch | None] = relationship()
