"""Measured accuracy facet by facet, adaptive overlap, and notes of what was decided."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _measured()
    op.create_table(
        "routing_note",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("subject_id", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("numbers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_note")),
    )
    op.create_index("ix_routing_note_subject_id", "routing_note", ["subject_id", "id"], unique=False)
    op.add_column("project", sa.Column("target_confidence", sa.Double(), nullable=True))
    op.add_column("project", sa.Column("answers_min", sa.Integer(), nullable=True))
    op.add_column("project", sa.Column("error_cost_cents", sa.BigInteger(), nullable=True))
    op.add_column("subtask", sa.Column("focus", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("subtask", sa.Column("focus_effort_seconds", sa.Integer(), nullable=True))
    op.add_column("subtask", sa.Column("focus_pay_cents", sa.BigInteger(), nullable=True))
    op.add_column("assignment", sa.Column("focus", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.create_index("ix_subtask_resolved", "subtask", ["lane_id", "resolved_at"], postgresql_where="state = 'resolved'")
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON skill_statistic, skill_population, project_fit, routing_note "
        "TO labelyard_app"
    )


def _measured() -> None:
    op.create_table(
        "skill_statistic",
        sa.Column("labeler_id", sa.String(length=24), nullable=False),
        sa.Column("task_type", sa.String(length=40), nullable=False),
        sa.Column("scope", sa.String(length=24), nullable=False),
        sa.Column("facet", sa.String(length=420), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "gold",
                "review",
                "agreement",
                "seam",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("total", sa.Double(), nullable=False),
        sa.Column("squares", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"], name=op.f("fk_skill_statistic_labeler_id_labeler")),
        sa.PrimaryKeyConstraint("labeler_id", "task_type", "scope", "facet", "source", name=op.f("pk_skill_statistic")),
    )
    op.create_index("ix_skill_statistic_scope", "skill_statistic", ["task_type", "scope"], unique=False)
    op.create_table(
        "skill_population",
        sa.Column("task_type", sa.String(length=40), nullable=False),
        sa.Column("scope", sa.String(length=24), nullable=False),
        sa.Column("facet", sa.String(length=420), nullable=False),
        sa.Column("mean", sa.Double(), nullable=False),
        sa.Column("strength", sa.Double(), nullable=False),
        sa.Column("dispersion", sa.Double(), nullable=False),
        sa.Column("labelers", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("task_type", "scope", "facet", name=op.f("pk_skill_population")),
    )
    op.create_table(
        "project_fit",
        sa.Column("project_id", sa.String(length=24), nullable=False),
        sa.Column("fitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("shift", sa.Double(), nullable=False),
        sa.Column("slope", sa.Double(), nullable=False),
        sa.Column("curve", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("classes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("numbers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_project_fit_project_id_project")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_project_fit")),
    )


def downgrade() -> None:
    op.drop_index("ix_subtask_resolved", table_name="subtask")
    for table, names in {
        "assignment": ("focus",),
        "subtask": ("focus_pay_cents", "focus_effort_seconds", "focus"),
        "project": ("error_cost_cents", "answers_min", "target_confidence"),
    }.items():
        for name in names:
            op.drop_column(table, name)
    for table in ("routing_note", "project_fit", "skill_population", "skill_statistic"):
        op.drop_table(table)
