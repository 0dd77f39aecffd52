"""People who sign in, and their sessions."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.db import Base, UtcDateTime
from marketplace.models.columns import CreatedAt, IdColumn, words
from marketplace.models.customer import Customer
from marketplace.models.labeler import Labeler


class Role(StrEnum):
    CUSTOMER = "customer"
    LABELER = "labeler"
    FINANCE = "finance"
    OPERATOR = "operator"


class User(Base):
    __tablename__ = "user_account"

    id: Mapped[IdColumn]
    email: Mapped[str] = mapped_column(String(320))
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(words(Role))
    customer_id: Mapped[str | None] = mapped_column(ForeignKey("customer.id"), index=True)
    labeler_id: Mapped[str | None] = mapped_column(ForeignKey("labeler.id"), unique=True)
    created_at: Mapped[CreatedAt]

    customer: Mapped[Customer | None] = relationship()
    labeler: Mapped[Labeler | None] = relationship()


Index("uq_user_account_email_lower", func.lower(User.email), unique=True)


class UserSession(Base):
    """A signed-in browser; the cookie holds the token, the table its SHA-256, so that a session can be revoked."""

    __tablename__ = "user_session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(lazy="joined")
