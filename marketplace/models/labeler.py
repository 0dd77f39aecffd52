"""Labelers, what they may claim and how well they measurably do it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.clock import utc_now
from marketplace.db import Base, UtcDateTime
from marketplace.models.columns import CreatedAt, IdColumn, OptionalTime, words


class LabelerState(StrEnum):
    ACTIVE = "active"
    RESTRICTED = "restricted"  # may finish, submit and be paid, but claims nothing new


class Labeler(Base):
    __tablename__ = "labeler"

    id: Mapped[IdColumn]
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(320))
    country: Mapped[str] = mapped_column(String(2), default="US")
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
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
