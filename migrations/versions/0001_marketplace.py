"""The marketplace's tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# The role that the application works as: it may write these tables, but the ledger's (0002) only through `post()`.
# Roles belong to the whole server, so another database's migration may be creating it at this very moment.
CREATE_ROLE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'labelyard_app') THEN
        CREATE ROLE labelyard_app LOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "audit_event",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("actor_id", sa.String(length=24), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject_id", sa.String(length=24), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index(op.f("ix_audit_event_actor_id"), "audit_event", ["actor_id"], unique=False)
    op.create_index(op.f("ix_audit_event_subject_id"), "audit_event", ["subject_id"], unique=False)
    op.create_table(
        "customer",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("callback_url", sa.String(length=2000), nullable=True),
        sa.Column("callback_auth_key", sa.String(length=64), nullable=False),
        sa.Column("test_callback_auth_key", sa.String(length=64), nullable=False),
        sa.Column("signing_secret", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
    )
    op.create_table(
        "labeler",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("reviewer", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("active", "restricted", name="labelerstate", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("restriction_reason", sa.String(length=500), nullable=True),
        sa.Column("restricted_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labeler")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("customer_id", sa.String(length=24), nullable=False),
        sa.Column(
            "mode",
            sa.Enum("live", "test", name="keymode", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_api_key_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_key_key_hash")),
    )
    op.create_index(op.f("ix_api_key_customer_id"), "api_key", ["customer_id"], unique=False)
    op.create_table(
        "file",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("customer_id", sa.String(length=24), nullable=False),
        sa.Column(
            "mode",
            sa.Enum("live", "test", name="keymode", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("storage_key", sa.String(length=300), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("mime_type", sa.String(length=100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("reference_id", sa.String(length=500), nullable=True),
        sa.Column("project_names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_file_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
    )
    op.create_index("uq_file_reference_id", "file", ["customer_id", "mode", "reference_id"], unique=True)
    op.create_table(
        "labeler_token",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("labeler_id", sa.String(length=24), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"], name=op.f("fk_labeler_token_labeler_id_labeler")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_labeler_token")),
    )
    op.create_index(op.f("ix_labeler_token_labeler_id"), "labeler_token", ["labeler_id"], unique=False)
    op.create_table(
        "project",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("customer_id", sa.String(length=24), nullable=False),
        sa.Column(
            "mode",
            sa.Enum("live", "test", name="keymode", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("task_type", sa.String(length=40), nullable=False),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("param_history", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("hourly_rate_cents", sa.Integer(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("staged", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_project_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("customer_id", "mode", "name", name=op.f("uq_project_customer_id_mode_name")),
    )
    op.create_table(
        "qualification",
        sa.Column("labeler_id", sa.String(length=24), nullable=False),
        sa.Column("task_type", sa.String(length=40), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"], name=op.f("fk_qualification_labeler_id_labeler")),
        sa.PrimaryKeyConstraint("labeler_id", "task_type", name=op.f("pk_qualification")),
    )
    op.create_table(
        "skill",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("labeler_id", sa.String(length=24), nullable=False),
        sa.Column("task_type", sa.String(length=40), nullable=False),
        sa.Column("alpha", sa.Double(), nullable=False),
        sa.Column("beta", sa.Double(), nullable=False),
        sa.Column("gold_seen", sa.Integer(), nullable=False),
        sa.Column("real_seen", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"], name=op.f("fk_skill_labeler_id_labeler")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skill")),
        sa.UniqueConstraint("labeler_id", "task_type", name=op.f("uq_skill_labeler_id_task_type")),
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "customer",
                "labeler",
                "finance",
                "operator",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("customer_id", sa.String(length=24), nullable=True),
        sa.Column("labeler_id", sa.String(length=24), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_user_account_customer_id_customer")),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"], name=op.f("fk_user_account_labeler_id_labeler")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("labeler_id", name=op.f("uq_user_account_labeler_id")),
    )
    op.create_index(op.f("ix_user_account_customer_id"), "user_account", ["customer_id"], unique=False)
    op.create_index("uq_user_account_email_lower", "user_account", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "batch",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("customer_id", sa.String(length=24), nullable=False),
        sa.Column(
            "mode",
            sa.Enum("live", "test", name="keymode", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("project_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "staging",
                "in_progress",
                "completed",
                name="batchstatus",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("callback", sa.String(length=2000), nullable=True),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_batch_customer_id_customer")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_batch_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
        sa.UniqueConstraint("customer_id", "mode", "name", name=op.f("uq_batch_customer_id_mode_name")),
    )
    op.create_index(op.f("ix_batch_project_id"), "batch", ["project_id"], unique=False)
    op.create_table(
        "lane",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.String(length=24), nullable=False),
        sa.Column("task_type", sa.String(length=40), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_lane_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lane")),
        sa.UniqueConstraint("project_id", "task_type", name=op.f("uq_lane_project_id_task_type")),
    )
    op.create_index(op.f("ix_lane_task_type"), "lane", ["task_type"], unique=False)
    op.create_table(
        "user_session",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=24), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_user_session_user_id_user_account")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_user_session")),
    )
    op.create_index(op.f("ix_user_session_user_id"), "user_session", ["user_id"], unique=False)
    op.create_table(
        "task",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("customer_id", sa.String(length=24), nullable=False),
        sa.Column(
            "mode",
            sa.Enum("live", "test", name="keymode", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("project_id", sa.String(length=24), nullable=True),
        sa.Column("batch_id", sa.String(length=24), nullable=True),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "completed",
                "canceled",
                "error",
                name="taskstatus",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "stage",
            sa.Enum(
                "received",
                "ingested",
                "labeling",
                "closed",
                name="taskstage",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("param_version", sa.Integer(), nullable=True),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("callback_url", sa.String(length=2000), nullable=True),
        sa.Column("callback_succeeded", sa.Boolean(), nullable=True),
        sa.Column("unique_id", sa.String(length=500), nullable=True),
        sa.Column("clear_unique_id_on_error", sa.Boolean(), nullable=False),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("response", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("work_started", sa.Boolean(), nullable=False),
        sa.Column("customer_review_status", sa.String(length=20), nullable=True),
        sa.Column("audits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expected_answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("quote_cents", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("frames_total", sa.Integer(), nullable=False),
        sa.Column("frames_ready", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_task_batch_id_batch")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_task_customer_id_customer")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_task_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
    )
    op.create_index("ix_task_batch_id", "task", ["batch_id", "id"], unique=False)
    op.create_index("ix_task_list", "task", ["customer_id", "mode", "id"], unique=False)
    op.create_index(
        "ix_task_open_stage", "task", ["stage", "updated_at"], unique=False, postgresql_where="stage <> 'closed'"
    )
    op.create_index("ix_task_project_id", "task", ["project_id", "id"], unique=False)
    op.create_index("uq_task_unique_id", "task", ["customer_id", "mode", "unique_id"], unique=True)
    op.create_table(
        "callback",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("task_id", sa.String(length=24), nullable=True),
        sa.Column("batch_id", sa.String(length=24), nullable=True),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "succeeded",
                "failed",
                name="callbackstate",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_status_code", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(task_id IS NULL) <> (batch_id IS NULL)", name=op.f("ck_callback_task_or_batch")),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_callback_task_id_task"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batch.id"], name=op.f("fk_callback_batch_id_batch"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback")),
    )
    op.create_index("ix_callback_due", "callback", ["next_try_at"], unique=False, postgresql_where="state = 'pending'")
    op.create_index(op.f("ix_callback_task_id"), "callback", ["task_id"], unique=False)
    op.create_index(op.f("ix_callback_batch_id"), "callback", ["batch_id"], unique=False)
    op.create_table(
        "deliverable",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("task_id", sa.String(length=24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("answer_key", sa.String(length=300), nullable=False),
        sa.Column("response_key", sa.String(length=300), nullable=True),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_deliverable_task_id_task"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliverable")),
        sa.UniqueConstraint("task_id", "version", name=op.f("uq_deliverable_task_id_version")),
    )
    op.create_table(
        "frame",
        sa.Column("task_id", sa.String(length=24), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("points_key", sa.String(length=300), nullable=False),
        sa.Column("points_count", sa.Integer(), nullable=False),
        sa.Column("manifest", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_frame_task_id_task"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("task_id", "number", name=op.f("pk_frame")),
    )
    op.create_table(
        "subtask",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("task_id", sa.String(length=24), nullable=False),
        sa.Column("lane_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("window_start", sa.Integer(), nullable=True),
        sa.Column("window_stop", sa.Integer(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "in_review",
                "resolved",
                "canceled",
                name="subtaskstate",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("answers_wanted", sa.Integer(), nullable=False),
        sa.Column("effort_seconds", sa.Integer(), nullable=False),
        sa.Column("pay_cents", sa.BigInteger(), nullable=False),
        sa.Column("gold", sa.Boolean(), nullable=False),
        sa.Column("truth", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("verdict", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["lane_id"], ["lane.id"], name=op.f("fk_subtask_lane_id_lane")),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_subtask_task_id_task"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subtask")),
        sa.UniqueConstraint("task_id", "position", name=op.f("uq_subtask_task_id_position")),
    )
    op.create_index("ix_subtask_gold", "subtask", ["lane_id"], unique=False, postgresql_where="gold")
    op.create_table(
        "assignment",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("subtask_id", sa.String(length=24), nullable=False),
        sa.Column("slot_id", sa.BigInteger(), nullable=True),
        sa.Column("labeler_id", sa.String(length=24), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "claimed",
                "expired",
                "skipped",
                "submitted",
                "accepted",
                "rejected",
                "canceled",
                name="assignmentstate",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active_seconds", sa.Integer(), nullable=False),
        sa.Column("pay_cents", sa.BigInteger(), nullable=False),
        sa.Column("expected_seconds", sa.Integer(), nullable=False),
        sa.Column("draft", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("draft_saved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("agreement", sa.Double(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("appeal", sa.Text(), nullable=True),
        sa.Column("appealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"], name=op.f("fk_assignment_labeler_id_labeler")),
        sa.ForeignKeyConstraint(
            ["subtask_id"], ["subtask.id"], name=op.f("fk_assignment_subtask_id_subtask"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
        sa.UniqueConstraint("subtask_id", "labeler_id", name=op.f("uq_assignment_subtask_id_labeler_id")),
    )
    op.create_index("ix_assignment_labeler_id", "assignment", ["labeler_id", "id"], unique=False)
    op.create_index(
        "uq_assignment_claimed", "assignment", ["labeler_id"], unique=True, postgresql_where="state = 'claimed'"
    )
    op.create_index(
        "ix_assignment_expired",
        "assignment",
        ["labeler_id"],
        unique=False,
        postgresql_where="state = 'expired' AND closed_at IS NULL",
    )
    op.create_index(
        "uq_assignment_answer",
        "assignment",
        ["slot_id"],
        unique=True,
        postgresql_where="state IN ('submitted', 'accepted')",
    )
    op.create_index(
        "ix_assignment_submitted", "assignment", ["subtask_id"], unique=False, postgresql_where="state = 'submitted'"
    )
    op.create_table(
        "slot",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("lane_id", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("subtask_id", sa.String(length=24), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "leased",
                "done",
                "canceled",
                name="slotstate",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("labeler_id", sa.String(length=24), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["labeler_id"], ["labeler.id"], name=op.f("fk_slot_labeler_id_labeler")),
        sa.ForeignKeyConstraint(["lane_id"], ["lane.id"], name=op.f("fk_slot_lane_id_lane")),
        sa.ForeignKeyConstraint(
            ["subtask_id"], ["subtask.id"], name=op.f("fk_slot_subtask_id_subtask"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slot")),
        postgresql_with={
            "fillfactor": 80,
            "autovacuum_vacuum_scale_factor": 0.02,
            "autovacuum_vacuum_threshold": 500,
            "autovacuum_vacuum_cost_delay": 0,
        },
    )
    op.create_index("ix_slot_lease", "slot", ["lease_expires_at"], unique=False, postgresql_where="state = 'leased'")
    op.create_index("ix_slot_open", "slot", ["lane_id", "rank", "id"], unique=False, postgresql_where="state = 'open'")
    op.create_index("ix_slot_subtask_id", "slot", ["subtask_id"], unique=False)
    op.create_table(
        "review",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("assignment_id", sa.String(length=24), nullable=False),
        sa.Column("reviewer_id", sa.String(length=24), nullable=False),
        sa.Column(
            "decision",
            sa.Enum(
                "accepted",
                "fixed",
                "rejected",
                name="reviewdecision",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignment.id"], name=op.f("fk_review_assignment_id_assignment"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
    )
    op.create_index(op.f("ix_review_assignment_id"), "review", ["assignment_id"], unique=False)
    op.execute(CREATE_ROLE)
    op.execute("GRANT labelyard_app TO CURRENT_USER")
    op.execute("GRANT USAGE ON SCHEMA public TO labelyard_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO labelyard_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO labelyard_app")


def downgrade() -> None:
    for table in (
        "review",
        "slot",
        "assignment",
        "subtask",
        "frame",
        "deliverable",
        "callback",
        "task",
        "user_session",
        "lane",
        "batch",
        "user_account",
        "skill",
        "qualification",
        "project",
        "labeler_token",
        "file",
        "api_key",
        "labeler",
        "customer",
        "audit_event",
    ):
        op.drop_table(table)
