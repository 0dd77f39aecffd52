"""Who did what to whom: the trail of decisions by staff."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.db import Base
from marketplace.models.columns import CreatedAt, IdColumn


class AuditEvent(Base):
    __tablename__ = "audit_event"

    id: Mapped[IdColumn]
    actor_id: Mapped[str] = mapped_column(String(24), index=True)  # a user, or "system"
    action: Mapped[str] = mapped_column(String(60))  # labeler.restrict, payout.hold, ...
    subject_id: Mapped[str] = mapped_column(String(24), index=True)
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[CreatedAt]
