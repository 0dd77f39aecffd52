"""Alembic's environment: the owner's connection comes from `marketplace.migrate`, never from a file."""

from alembic import context
from sqlalchemy import create_engine

import marketplace.models  # noqa: F401  fills the metadata for `alembic check`
from marketplace.db import Base

target_metadata = Base.metadata


def run() -> None:
    engine = create_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=target_metadata,
            # By name, before they are read: they have types of PostgreSQL's own that SQLAlchemy does not know.
            include_name=lambda name, kind, _parents: not (kind == "table" and _of_the_ledger(name)),
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def _of_the_ledger(name: str | None) -> bool:
    """The ledger keeps its own metadata: its tables are none of the models'."""
    return (name or "").startswith(("ledger_", "payout_", "webhook_"))


run()
