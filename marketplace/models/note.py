"""Notes of what the router decided about a subtask or an assignment, with its numbers, for explanations."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.clock import utc_now
from marketplace.db import Base, UtcDateTime
from marketplace.models.columns import IdColumn


class RoutingNote(Base):
    """One decision; `kind` is a word such as verdict, asked_again, reopened, in_review."""

    __tablename__ = "routing_note"
    __table_args__ = (Index("ix_routing_note_subject_id", "subject_id", "id"),)

    id: Mapped[IdColumn]
    subject_id: Mapped[str] = mapped_column(String(24))
    kind: Mapped[str] = mapped_column(String(40))
    numbers: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
