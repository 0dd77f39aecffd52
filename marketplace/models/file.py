"""Files that customers upload or import, referred to as `scaledata://<customer>/<file id>`."""

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.db import Base
from marketplace.models.columns import CreatedAt, IdColumn, words
from marketplace.models.customer import KeyMode


class File(Base):
    __tablename__ = "file"
    __table_args__ = (Index("uq_file_reference_id", "customer_id", "mode", "reference_id", unique=True),)

    id: Mapped[IdColumn]
    customer_id: Mapped[str] = mapped_column(ForeignKey("customer.id"))
    mode: Mapped[KeyMode] = mapped_column(words(KeyMode))
    storage_key: Mapped[str] = mapped_column(String(300))
    name: Mapped[str] = mapped_column(String(500))
    mime_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int] = mapped_column(BigInteger)
    reference_id: Mapped[str | None] = mapped_column(String(500))
    project_names: Mapped[list[Any]] = mapped_column(default=list)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    created_at: Mapped[CreatedAt]
