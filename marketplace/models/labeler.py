"""Labelers, what they may claim and how well they measurably do it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ARRAY, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.clock import utc_now
from marketplace.db import Base, UtcDateTime
from marketplace.models.columns import CreatedAt, IdColumn, OptionalTime, words

LOWER_UNMEASURED = 0.05**0.25  # `routing.skill.Skill().lower`, of who was not measured yet


class LabelerState(StrEnum):
    ACTIVE = "active"
    RESTRICTED = "restricted"  # may finish, submit and be paid, but claims nothing new


class Labeler(Base):
    __tablename__ = "labeler"

    id: Mapped[IdColumn]
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(320))
    country: Mapped[str] = mapped_column(String(2), default="US")
    # `language:fr`, `team:north`, `exam:12`: what a lane's rule may ask for (routing/qualification.py).
    credentials: Mapped[list[str]] = mapped_column(ARRAY(String(100)), default=list, server_default=text("'{}'"))
    reviewer: Mapped[bool] = mapped_column(default=False)
    state: Mapped[LabelerState] = mapped_column(words(LabelerState), default=LabelerState.ACTIVE)
    restriction_reason: Mapped[str | None] = mapped_column(String(500))
    restricted_until: Mapped[OptionalTime]
    created_at: Mapped[CreatedAt]


class LabelerToken(Base):
    """A bearer token for `/labeler`; only its SHA-256 is kept."""

    __tablename__ = "labeler_token"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    labeler_id: Mapped[str] = mapped_column(ForeignKey("labeler.id"), index=True)
    created_at: Mapped[CreatedAt]
    revoked_at: Mapped[OptionalTime]


class Qualification(Base):
    """The right to claim subtasks of one task type."""

    __tablename__ = "qualification"

    labeler_id: Mapped[str] = mapped_column(ForeignKey("labeler.id"), primary_key=True)
    task_type: Mapped[str] = mapped_column(String(40), primary_key=True)
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class SkillRecord(Base):
    """Measured accuracy per labeler and task type: the sufficient statistics of `routing.skill.Skill`."""

    __tablename__ = "skill"
    __table_args__ = (UniqueConstraint("labeler_id", "task_type"),)

    id: Mapped[IdColumn]
    labeler_id: Mapped[str] = mapped_column(ForeignKey("labeler.id"))
    task_type: Mapped[str] = mapped_column(String(40))
    alpha: Mapped[float]
    beta: Mapped[float]
    gold_seen: Mapped[int] = mapped_column(default=0)
    real_seen: Mapped[int] = mapped_column(default=0)  # since the last gold, for `routing.gold.is_due`
    # Of the same skill, for SQL: the bound that it exceeds with 95 % probability, and the evidence without the prior.
    lower: Mapped[float] = mapped_column(default=LOWER_UNMEASURED, server_default=text(f"{LOWER_UNMEASURED:.6f}"))
    evidence: Mapped[float] = mapped_column(default=0.0, server_default=text("0"))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class TrialState(StrEnum):
    OPEN = "open"
    PASSED = "passed"
    FAILED = "failed"
    STOPPED = "stopped"  # given up, or nothing was left to ask


class Trial(Base):
    """A labeler's attempt at a lane's exam or paid trial: `answers` gold subtasks of it, then it is decided."""

    __tablename__ = "trial"
    __table_args__ = (
        Index("ix_trial_labeler_id", "labeler_id", "lane_id"),
        Index("uq_trial_open", "labeler_id", unique=True, postgresql_where="state = 'open'"),  # one at a time
    )

    id: Mapped[IdColumn]
    labeler_id: Mapped[str] = mapped_column(ForeignKey("labeler.id"))
    lane_id: Mapped[int] = mapped_column(ForeignKey("lane.id"))
    gives: Mapped[list[str]] = mapped_column(ARRAY(String(100)), default=list)  # by passing, beside the evidence
    answers: Mapped[int]
    state: Mapped[TrialState] = mapped_column(words(TrialState), default=TrialState.OPEN)
    grade: Mapped[float | None]  # mean of the graded answers, once decided
    graded: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    closed_at: Mapped[OptionalTime]
    retry_at: Mapped[OptionalTime]  # not before; none after the last attempt


class Block(Base):
    """A customer does not want this labeler's work any more. No other customer sees it."""

    __tablename__ = "block"

    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), primary_key=True)
    labeler_id: Mapped[str] = mapped_column(ForeignKey("labeler.id"), primary_key=True)
    reason: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[CreatedAt]
