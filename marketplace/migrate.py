"""Bring a database to the newest migration."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.config import Config


def alembic_config(url: str) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Apply what is missing, as the owner of the tables; does nothing where nothing is."""
    from alembic import command  # every process imports this module, and few of them migrate

    command.upgrade(alembic_config(url), "head")
