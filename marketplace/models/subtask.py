"""Subtasks (what one labeler does in one sitting), the lanes they queue in, and their slots (one per wanted answer)."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Identity, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.db import Base, UtcDateTime
from marketplace.models.columns import CreatedAt, IdColumn, OptionalTime, words
from marketplace.models.project import Project
from marketplace.models.task import Task

TRIAL_ANSWERS = 5  # unless a rule says otherwise; `routing.qualification.TRIAL_ANSWERS`


class SubtaskState(StrEnum):
    OPEN = "open"
    IN_REVIEW = "in_review"  # the answers disagree too much; a reviewer decides
    RESOLVED = "resolved"
    CANCELED = "canceled"


SUBTASK_MOVES: dict[SubtaskState, set[SubtaskState]] = {
    SubtaskState.OPEN: {SubtaskState.IN_REVIEW, SubtaskState.RESOLVED, SubtaskState.CANCELED},
    SubtaskState.IN_REVIEW: {SubtaskState.OPEN, SubtaskState.RESOLVED, SubtaskState.CANCELED},
    # Later evidence has overturned it, before its task was assembled.
    SubtaskState.RESOLVED: {SubtaskState.OPEN, SubtaskState.IN_REVIEW},
}


class Subtask(Base):
    __tablename__ = "subtask"
    __table_args__ = (
        UniqueConstraint("task_id", "position"),
        Index("ix_subtask_gold", "lane_id", text("md5(id)"), postgresql_where="gold"),
        Index("uq_subtask_gold_of", "gold_of", unique=True),
        Index("ix_subtask_resolved", "lane_id", "resolved_at", postgresql_where="state = 'resolved'"),
    )

    id: Mapped[IdColumn]
    task_id: Mapped[str] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"))
    lane_id: Mapped[int] = mapped_column(ForeignKey("lane.id"))
    position: Mapped[int]  # in the task, from 0
    # Frames [window_start, window_stop) of a drive; null where the task has no frames.
    window_start: Mapped[int | None]
    window_stop: Mapped[int | None]
    state: Mapped[SubtaskState] = mapped_column(words(SubtaskState), default=SubtaskState.OPEN)
    answers_wanted: Mapped[int]  # at most; so many are reserved for
    effort_seconds: Mapped[int]
    pay_cents: Mapped[int] = mapped_column(BigInteger)  # per accepted answer, frozen at the split
    gold: Mapped[bool] = mapped_column(default=False)
    truth: Mapped[dict[str, Any] | None]  # gold only; never leaves the server
    gold_classes: Mapped[list[str] | None] = mapped_column(ARRAY(String(400)))  # in the truth
    # Of gold that was made from it: the reviewed subtask, whose labelers do not get its copy.
    gold_of: Mapped[str | None] = mapped_column(ForeignKey("subtask.id", ondelete="SET NULL"))
    gold_confirmed_at: Mapped[OptionalTime]  # by a person, after it was doubted
    verdict: Mapped[dict[str, Any] | None]  # the answer that counts, once resolved
    confidence: Mapped[float | None]
    # {answer, settled, disputed}: what the next labeler is asked about, if not the whole; and its effort and pay.
    focus: Mapped[dict[str, Any] | None]
    focus_effort_seconds: Mapped[int | None]
    focus_pay_cents: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[CreatedAt]
    resolved_at: Mapped[OptionalTime]

    task: Mapped[Task] = relationship()


class Lane(Base):
    """The queue of open slots with one task type, project and rule of who may claim (`routing.qualification.Rule`)."""

    __tablename__ = "lane"
    __table_args__ = (UniqueConstraint("project_id", "task_type"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"))
    task_type: Mapped[str] = mapped_column(String(40), index=True)
    paused: Mapped[bool] = mapped_column(default=False)
    requires: Mapped[list[str]] = mapped_column(ARRAY(String(100)), default=list, server_default=text("'{}'"))
    countries: Mapped[list[str]] = mapped_column(ARRAY(String(2)), default=list, server_default=text("'{}'"))
    accuracy_min: Mapped[float | None]
    trial_answers: Mapped[int] = mapped_column(default=TRIAL_ANSWERS, server_default=text(str(TRIAL_ANSWERS)))
    # For matching: of how many classes an answer is, none where it is drawn or written; and what is typical here.
    classes: Mapped[int | None]
    typical_accuracy: Mapped[float | None]

    project: Mapped[Project] = relationship(back_populates="lanes")

    @property
    def exam(self) -> str:
        """The credential that its own exam gives; `routing.trials.exam_of`."""
        return f"exam:{self.id}"

    @property
    def rule(self) -> dict[str, Any]:
        """Who may claim, as customers name it."""
        return {
            "requires": [word for word in self.requires if word != self.exam],
            "countries": list(self.countries),
            "exam": self.exam in self.requires,
            "accuracy_min": self.accuracy_min,
            "trial_answers": self.trial_answers,
        }


class SlotState(StrEnum):
    OPEN = "open"
    LEASED = "leased"
    DONE = "done"
    CANCELED = "canceled"


class Slot(Base):
    """One wanted answer. Narrow, and vacuumed eagerly: dead index entries at the head of a lane are what slows claims.

    `epoch` rises with every lease, so that a holder who lost the lease cannot write with the old one (fencing).
    """

    __tablename__ = "slot"
    __table_args__ = (
        Index("ix_slot_open", "lane_id", "rank", "id", postgresql_where="state = 'open'"),
        Index("ix_slot_lease", "lease_expires_at", postgresql_where="state = 'leased'"),
        Index("ix_slot_subtask_id", "subtask_id"),
        Index("ix_slot_reserved", "reserved_for", postgresql_where="state = 'open' AND reserved_for IS NOT NULL"),
        {
            "postgresql_with": {
                "fillfactor": 80,
                "autovacuum_vacuum_scale_factor": 0.02,
                "autovacuum_vacuum_threshold": 500,
                "autovacuum_vacuum_cost_delay": 0,
            }
        },
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    lane_id: Mapped[int] = mapped_column(ForeignKey("lane.id"))
    rank: Mapped[int]  # lower is served first: minus the task's priority, then age by id
    subtask_id: Mapped[str] = mapped_column(ForeignKey("subtask.id", ondelete="CASCADE"))
    state: Mapped[SlotState] = mapped_column(words(SlotState), default=SlotState.OPEN)
    epoch: Mapped[int] = mapped_column(default=0)
    labeler_id: Mapped[str | None] = mapped_column(ForeignKey("labeler.id"))
    lease_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # An open slot that is offered to one labeler first; after this time it is everybody's.
    reserved_for: Mapped[str | None] = mapped_column(ForeignKey("labeler.id"))
    reserved_until: Mapped[OptionalTime]


class Standing(Base):
    """What a labeler has done in a lane: for the cap of a day, and for going on with a drive that she knows."""

    __tablename__ = "standing"
    __table_args__ = ({"postgresql_with": {"fillfactor": 80}},)

    labeler_id: Mapped[str] = mapped_column(ForeignKey("labeler.id"), primary_key=True)
    lane_id: Mapped[int] = mapped_column(ForeignKey("lane.id"), primary_key=True)
    answered: Mapped[int]
    day: Mapped[date]  # of the last answer, in UTC
    answered_today: Mapped[int]  # on that day
    last_task_id: Mapped[str | None] = mapped_column(String(24))  # a drive; gold does not count
    last_position: Mapped[int | None]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
