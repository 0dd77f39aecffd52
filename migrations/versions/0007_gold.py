"""Gold that was made from a reviewed subtask, and gold whose truth a person has confirmed."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subtask", sa.Column("gold_of", sa.String(length=24), nullable=True))
    op.add_column("subtask", sa.Column("gold_confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_subtask_gold_of_subtask"), "subtask", "subtask", ["gold_of"], ["id"], ondelete="SET NULL"
    )
    op.create_index("uq_subtask_gold_of", "subtask", ["gold_of"], unique=True)
