"""Customers and their API keys."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.db import Base
from marketplace.models.columns import CreatedAt, IdColumn, OptionalTime, words


class KeyMode(StrEnum):
    """Live and test are two separate worlds: a test key never sees a live object, nor the other way round."""

    LIVE = "live"
    TEST = "test"


class Customer(Base):
    __tablename__ = "customer"
    __table_args__ = (CheckConstraint("share > 0", name="share"),)

    id: Mapped[IdColumn]
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(320))
    callback_url: Mapped[str | None] = mapped_column(String(2000))  # used where a task names none
    # Sent back in every callback's `scale-callback-auth` header, so it must be readable: a hash would not do.
    callback_auth_key: Mapped[str] = mapped_column(String(64))
    test_callback_auth_key: Mapped[str] = mapped_column(String(64))
    signing_secret: Mapped[str] = mapped_column(String(64))  # HMAC key of the callbacks' signature header
    # Of the labelers' time, beside the shares of the other customers who have work (routing/matching.py).
    share: Mapped[float] = mapped_column(default=1.0, server_default=text("1"))
    created_at: Mapped[CreatedAt]


class ApiKey(Base):
    """A customer's key; only its SHA-256 is kept (the key has 128 random bits, so no slow hash is needed)."""

    __tablename__ = "api_key"

    id: Mapped[IdColumn]
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"), index=True)
    mode: Mapped[KeyMode] = mapped_column(words(KeyMode))
    name: Mapped[str] = mapped_column(String(100), default="")
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(16))  # the first and last characters, to recognize it in a list
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[OptionalTime]
    revoked_at: Mapped[OptionalTime]

    customer: Mapped[Customer] = relationship(lazy="joined")
