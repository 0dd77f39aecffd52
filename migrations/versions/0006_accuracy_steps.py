"""What labelers are shown of their measured accuracy, in steps of several answers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accuracy_step",
        sa.Column("labeler_id", sa.String(length=24), nullable=False),
        sa.Column("task_type", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("measured", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"], name=op.f("fk_accuracy_step_labeler_id_labeler")),
        sa.PrimaryKeyConstraint("labeler_id", "task_type", "number", name=op.f("pk_accuracy_step")),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON accuracy_step TO labelyard_app")


def downgrade() -> None:
    op.drop_table("accuracy_step")
