"""Matching: shares of customers, caps, what a labeler has done in a lane, reserved offers, reasons, classes of gold."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customer", sa.Column("share", sa.Double(), server_default=sa.text("1"), nullable=False))
    op.create_check_constraint(op.f("ck_customer_share"), "customer", "share > 0")
    op.add_column("project", sa.Column("turnaround_hours", sa.Integer(), server_default=sa.text("24"), nullable=False))
    op.create_check_constraint(op.f("ck_project_turnaround_hours"), "project", "turnaround_hours > 0")
    op.add_column("project", sa.Column("daily_answers_max", sa.Integer(), nullable=True))
    op.add_column("lane", sa.Column("classes", sa.Integer(), nullable=True))
    op.add_column("lane", sa.Column("typical_accuracy", sa.Double(), nullable=True))
    op.create_table(
        "standing",
        sa.Column("labeler_id", sa.String(length=24), nullable=False),
        sa.Column("lane_id", sa.BigInteger(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("answered_today", sa.Integer(), nullable=False),
        sa.Column("last_task_id", sa.String(length=24), nullable=True),
        sa.Column("last_position", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"], name=op.f("fk_standing_labeler_id_labeler")),
        sa.ForeignKeyConstraint(["lane_id"], ["lane.id"], name=op.f("fk_standing_lane_id_lane")),
        sa.PrimaryKeyConstraint("labeler_id", "lane_id", name=op.f("pk_standing")),
        postgresql_with={"fillfactor": 80},
    )
    op.add_column("slot", sa.Column("reserved_for", sa.String(length=24), nullable=True))
    op.add_column("slot", sa.Column("reserved_until", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(op.f("fk_slot_reserved_for_labeler"), "slot", "labeler", ["reserved_for"], ["id"])
    op.create_index(
        "ix_slot_reserved",
        "slot",
        ["reserved_for"],
        unique=False,
        postgresql_where="state = 'open' AND reserved_for IS NOT NULL",
    )
    op.add_column("assignment", sa.Column("why", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("subtask", sa.Column("gold_classes", postgresql.ARRAY(sa.String(length=400)), nullable=True))
    op.drop_index("ix_subtask_gold", table_name="subtask")
    op.create_index("ix_subtask_gold", "subtask", ["lane_id", sa.text("md5(id)")], postgresql_where="gold")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON standing TO labelyard_app")


def downgrade() -> None:
    op.drop_index("ix_subtask_gold", table_name="subtask")
    op.create_index("ix_subtask_gold", "subtask", ["lane_id"], postgresql_where="gold")
    op.drop_column("subtask", "gold_classes")
    op.drop_column("assignment", "why")
    op.drop_index("ix_slot_reserved", table_name="slot")
    op.drop_column("slot", "reserved_until")
    op.drop_column("slot", "reserved_for")
    op.drop_table("standing")
    op.drop_column("lane", "typical_accuracy")
    op.drop_column("lane", "classes")
    op.drop_column("project", "daily_answers_max")
    op.drop_column("project", "turnaround_hours")
    op.drop_column("customer", "share")
