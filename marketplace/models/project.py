"""Projects (one task type with taxonomy, instructions and price terms) and batches (tasks tracked together)."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.db import Base
from marketplace.models.columns import CreatedAt, IdColumn, OptionalTime, words
from marketplace.models.customer import Customer, KeyMode

if TYPE_CHECKING:
    from marketplace.models.subtask import Lane


class Project(Base):
    __tablename__ = "project"
    __table_args__ = (
        UniqueConstraint("customer_id", "mode", "name"),
        CheckConstraint("turnaround_hours > 0", name="turnaround_hours"),
    )

    id: Mapped[IdColumn]
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"))
    mode: Mapped[KeyMode] = mapped_column(words(KeyMode), default=KeyMode.LIVE)
    name: Mapped[str] = mapped_column(String(200))
    task_type: Mapped[str] = mapped_column(String(40))
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)  # defaults that every task inherits
    param_history: Mapped[list[Any]] = mapped_column(default=list)  # [{version, instruction?, params, created_at}]
    hourly_rate_cents: Mapped[int]  # frozen on every subtask at its split
    # How sure an answer must be, how many are asked at least, and what an error costs; none: what routing/overlap.py
    # says. How many are asked at most is the parameter `answers`, since it is what is reserved for.
    target_confidence: Mapped[float | None]
    answers_min: Mapped[int | None]
    error_cost_cents: Mapped[int | None] = mapped_column(BigInteger)
    # What was promised: the age of work counts against it. And the most answers of one labeler in a day; none: no cap.
    turnaround_hours: Mapped[int] = mapped_column(default=24, server_default=text("24"))
    daily_answers_max: Mapped[int | None]
    simulated: Mapped[bool] = mapped_column(default=False)  # the data come from the simulator; the pages say so
    staged: Mapped[bool] = mapped_column(default=False)  # its batches wait until they are finalized
    created_at: Mapped[CreatedAt]
    archived_at: Mapped[OptionalTime]

    customer: Mapped[Customer] = relationship()
    lanes: Mapped[list["Lane"]] = relationship(back_populates="project")

    @property
    def lane(self) -> "Lane | None":
        """The lane of its own task type, once a task or a rule has made it."""
        return next((lane for lane in self.lanes if lane.task_type == self.task_type), None)

    @property
    def labelers(self) -> dict[str, Any]:
        """Who may work on it."""
        anybody = {"requires": [], "countries": [], "exam": False, "accuracy_min": None, "trial_answers": 5}
        return self.lane.rule if self.lane is not None else anybody


class BatchStatus(StrEnum):
    STAGING = "staging"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class Batch(Base):
    __tablename__ = "batch"
    __table_args__ = (UniqueConstraint("customer_id", "mode", "name"),)

    id: Mapped[IdColumn]
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"))
    mode: Mapped[KeyMode] = mapped_column(words(KeyMode), default=KeyMode.LIVE)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    status: Mapped[BatchStatus] = mapped_column(words(BatchStatus), default=BatchStatus.IN_PROGRESS)
    callback: Mapped[str | None] = mapped_column(String(2000))
    # `metadata` is SQLAlchemy's own word on a mapped class.
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    created_at: Mapped[CreatedAt]
    completed_at: Mapped[OptionalTime]

    project: Mapped[Project] = relationship()
