"""Assignments: one labeler's hold on one slot, with the draft, the answer and what becomes of it; and reviews."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.clock import utc_now
from marketplace.db import Base, UtcDateTime
from marketplace.models.columns import CreatedAt, IdColumn, OptionalTime, words
from marketplace.models.labeler import Labeler
from marketplace.models.subtask import Subtask


class AssignmentState(StrEnum):
    CLAIMED = "claimed"
    EXPIRED = "expired"  # the lease ran out; the draft is kept, and a late answer is kept for when a slot is free
    SKIPPED = "skipped"
    SUBMITTED = "submitted"  # waits for its subtask to be resolved
    ACCEPTED = "accepted"  # and paid
    REJECTED = "rejected"
    CANCELED = "canceled"  # the customer withdrew the task meanwhile


ASSIGNMENT_MOVES: dict[AssignmentState, set[AssignmentState]] = {
    AssignmentState.CLAIMED: {
        AssignmentState.EXPIRED,
        AssignmentState.SKIPPED,
        AssignmentState.SUBMITTED,
        AssignmentState.CANCELED,
    },
    # Claimed again: the same row, a new epoch, the draft offered back.
    AssignmentState.EXPIRED: {
        AssignmentState.CLAIMED,
        AssignmentState.SKIPPED,
        AssignmentState.SUBMITTED,
        AssignmentState.CANCELED,
    },
    AssignmentState.SUBMITTED: {AssignmentState.ACCEPTED, AssignmentState.REJECTED, AssignmentState.CANCELED},
    AssignmentState.REJECTED: {AssignmentState.ACCEPTED},  # an appeal was right
}


class Assignment(Base):
    __tablename__ = "assignment"
    __table_args__ = (
        UniqueConstraint("subtask_id", "labeler_id"),  # nobody answers the same subtask twice
        Index("ix_assignment_labeler_id", "labeler_id", "id"),
        Index("ix_assignment_submitted", "subtask_id", postgresql_where="state = 'submitted'"),
        # Nobody hoards, and no slot is answered twice, whatever the program does.
        Index("uq_assignment_claimed", "labeler_id", unique=True, postgresql_where="state = 'claimed'"),
        Index("uq_assignment_answer", "slot_id", unique=True, postgresql_where="state IN ('submitted', 'accepted')"),
        Index("ix_assignment_expired", "labeler_id", postgresql_where="state = 'expired' AND closed_at IS NULL"),
    )

    id: Mapped[IdColumn]
    subtask_id: Mapped[str] = mapped_column(ForeignKey("subtask.id", ondelete="CASCADE"))
    # Null for gold, which never queues, and for an answer that a late appeal accepted beyond the asked number.
    slot_id: Mapped[int | None] = mapped_column(BigInteger)
    labeler_id: Mapped[str] = mapped_column(ForeignKey("labeler.id"))
    epoch: Mapped[int]
    state: Mapped[AssignmentState] = mapped_column(words(AssignmentState), default=AssignmentState.CLAIMED)
    claimed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    lease_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    submitted_at: Mapped[OptionalTime]
    closed_at: Mapped[OptionalTime]  # accepted, rejected, or no longer wanted
    active_seconds: Mapped[int] = mapped_column(default=0)
    pay_cents: Mapped[int] = mapped_column(BigInteger)  # promised at the claim
    expected_seconds: Mapped[int]
    focus: Mapped[dict[str, Any] | None]  # of the subtask, as it was at the claim
    draft: Mapped[dict[str, Any] | None]
    draft_saved_at: Mapped[OptionalTime]
    answer: Mapped[dict[str, Any] | None]
    agreement: Mapped[float | None]  # with gold or with the consensus, 0 to 1
    why: Mapped[dict[str, Any] | None]  # she got it, with the numbers; names gold, so it never leaves the server
    reason: Mapped[str | None] = mapped_column(String(500))  # of a skip or a rejection
    appeal: Mapped[str | None] = mapped_column(Text)
    appealed_at: Mapped[OptionalTime]

    subtask: Mapped[Subtask] = relationship()
    labeler: Mapped[Labeler] = relationship()


class ReviewDecision(StrEnum):
    ACCEPTED = "accepted"
    FIXED = "fixed"
    REJECTED = "rejected"


class Review(Base):
    __tablename__ = "review"

    id: Mapped[IdColumn]
    assignment_id: Mapped[str] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"), index=True)
    reviewer_id: Mapped[str] = mapped_column(String(24))  # a user
    decision: Mapped[ReviewDecision] = mapped_column(words(ReviewDecision))
    reason: Mapped[str] = mapped_column(String(1000), default="")
    created_at: Mapped[CreatedAt]
