"""Who may claim: credentials, rules of lanes, blocks by customers, trials, and the bound of the measured accuracy."""

import numpy as np
import sqlalchemy as sa
from alembic import op
from scipy.special import betaincinv
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None

PRIOR_ALPHA, PRIOR_BETA = 4.0, 1.0
LUCK = 0.05
LOWER = LUCK ** (1 / PRIOR_ALPHA)  # of who was not measured yet


def upgrade() -> None:
    words = postgresql.ARRAY(sa.String(length=100))
    empty = sa.text("'{}'")
    op.add_column("labeler", sa.Column("credentials", words, server_default=empty, nullable=False))
    op.add_column("lane", sa.Column("requires", words, server_default=empty, nullable=False))
    op.add_column(
        "lane", sa.Column("countries", postgresql.ARRAY(sa.String(length=2)), server_default=empty, nullable=False)
    )
    op.add_column("lane", sa.Column("accuracy_min", sa.Double(), nullable=True))
    op.add_column("lane", sa.Column("trial_answers", sa.Integer(), server_default=sa.text("5"), nullable=False))
    op.add_column("skill", sa.Column("lower", sa.Double(), server_default=sa.text(f"{LOWER:.6f}"), nullable=False))
    op.add_column("skill", sa.Column("evidence", sa.Double(), server_default=sa.text("0"), nullable=False))
    _fill_bounds()
    _blocks()
    _trials()
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON block, trial TO labelyard_app")


def _fill_bounds() -> None:
    """The Beta quantile is not in SQL."""
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT id, alpha, beta FROM skill")).all()
    if not rows:
        return
    alpha, beta = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    values = {
        "ids": [row[0] for row in rows],
        "lower": betaincinv(alpha, beta, LUCK).tolist(),
        "evidence": (alpha + beta - PRIOR_ALPHA - PRIOR_BETA).clip(min=0).tolist(),
    }
    connection.execute(
        sa.text(
            "UPDATE skill SET lower = new.lower, evidence = new.evidence FROM unnest(CAST(:ids AS text[]), "
            "CAST(:lower AS float8[]), CAST(:evidence AS float8[])) AS new (id, lower, evidence) "
            "WHERE skill.id = new.id"
        ),
        values,
    )


def _blocks() -> None:
    op.create_table(
        "block",
        sa.Column("customer_id", sa.String(length=24), nullable=False),
        sa.Column("labeler_id", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_block_customer_id_customer")),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"], name=op.f("fk_block_labeler_id_labeler")),
        sa.PrimaryKeyConstraint("customer_id", "labeler_id", name=op.f("pk_block")),
    )


def _trials() -> None:
    state = sa.Enum(
        "open", "passed", "failed", "stopped", name="trialstate", native_enum=False, create_constraint=True, length=24
    )
    op.create_table(
        "trial",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("labeler_id", sa.String(length=24), nullable=False),
        sa.Column("lane_id", sa.BigInteger(), nullable=False),
        sa.Column("gives", postgresql.ARRAY(sa.String(length=100)), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("state", state, nullable=False),
        sa.Column("grade", sa.Double(), nullable=True),
        sa.Column("graded", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"], name=op.f("fk_trial_labeler_id_labeler")),
        sa.ForeignKeyConstraint(["lane_id"], ["lane.id"], name=op.f("fk_trial_lane_id_lane")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial")),
    )
    op.create_index("ix_trial_labeler_id", "trial", ["labeler_id", "lane_id"])
    op.create_index("uq_trial_open", "trial", ["labeler_id"], unique=True, postgresql_where="state = 'open'")


def downgrade() -> None:
    op.drop_table("trial")
    op.drop_table("block")
    for table, names in {
        "skill": ("evidence", "lower"),
        "lane": ("trial_answers", "accuracy_min", "countries", "requires"),
        "labeler": ("credentials",),
    }.items():
        for name in names:
            op.drop_column(table, name)
