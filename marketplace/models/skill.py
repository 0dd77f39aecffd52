"""Measured accuracy: statistics per labeler and facet, what is typical, and what a project's fit has shown."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.clock import utc_now
from marketplace.db import Base, UtcDateTime
from marketplace.models.columns import words


class Source(StrEnum):
    """Where evidence comes from, as `routing.skill.Source` has it."""

    GOLD = "gold"
    REVIEW = "review"
    AGREEMENT = "agreement"
    SEAM = "seam"


class SkillStatistic(Base):
    """A `routing.skill.Statistic`. `scope` is a project, or empty: all projects of the task type.

    By source, so that a refit can replace what it knows better, and overturned gold be taken back.
    """

    __tablename__ = "skill_statistic"
    __table_args__ = (Index("ix_skill_statistic_scope", "task_type", "scope"),)

    labeler_id: Mapped[str] = mapped_column(ForeignKey("labeler.id"), primary_key=True)
    task_type: Mapped[str] = mapped_column(String(40), primary_key=True)
    scope: Mapped[str] = mapped_column(String(24), primary_key=True)
    facet: Mapped[str] = mapped_column(String(420), primary_key=True)
    source: Mapped[Source] = mapped_column(words(Source), primary_key=True)
    weight: Mapped[float]
    total: Mapped[float]
    squares: Mapped[float]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SkillPopulation(Base):
    """A `routing.skill.Population`, by the same scopes; only refits write it: no verdict waits for a row here."""

    __tablename__ = "skill_population"

    task_type: Mapped[str] = mapped_column(String(40), primary_key=True)
    scope: Mapped[str] = mapped_column(String(24), primary_key=True)
    facet: Mapped[str] = mapped_column(String(420), primary_key=True)
    mean: Mapped[float]
    strength: Mapped[float]
    dispersion: Mapped[float]
    labelers: Mapped[int]
    weight: Mapped[float]
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class AccuracyStep(Base):
    """A labeler's measured accuracy as it was shown to her from `at` on (accuracy_steps.py); `number` counts from 1."""

    __tablename__ = "accuracy_step"

    labeler_id: Mapped[str] = mapped_column(ForeignKey("labeler.id"), primary_key=True)
    task_type: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    answers: Mapped[int]  # decided so far
    measured: Mapped[dict[str, Any]]  # `reports/measured.document`


class ProjectFit(Base):
    """What the last refit of a project has learned: its calibration, and what is typical of its classes."""

    __tablename__ = "project_fit"

    project_id: Mapped[str] = mapped_column(ForeignKey("project.id"), primary_key=True)
    fitted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answers: Mapped[int]  # that the fit has seen
    shift: Mapped[float]
    slope: Mapped[float]
    curve: Mapped[list[Any]]  # [[stated, true], ...], rising; empty while there is little gold
    classes: Mapped[dict[str, Any] | None]  # {names, frequency, errors, strength}
    numbers: Mapped[dict[str, Any]]  # of the fit, for whoever wants to know
