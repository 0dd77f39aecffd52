"""The ledger, whose only writer is ledger_post(), and the tables of payouts."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LEDGER_TABLES = """
CREATE TABLE ledger_kind (
    kind text PRIMARY KEY,
    normal_side smallint NOT NULL CHECK (normal_side IN (1, -1)),  -- 1 debit, -1 credit
    guarded boolean NOT NULL
);
INSERT INTO ledger_kind (kind, normal_side, guarded) VALUES
    ('bank', 1, false),
    ('stripe_available', 1, false),
    ('customer_funds', -1, true),
    ('task_reserve', -1, true),
    ('labeler_held', -1, true),
    ('labeler_available', -1, true),
    ('payout_in_transit', -1, true),
    ('fee_revenue', -1, false),
    ('gold_expense', 1, false);

CREATE TABLE ledger_code (code text PRIMARY KEY);
INSERT INTO ledger_code (code) VALUES
    ('fund'), ('top_up'), ('reserve'), ('refund_reserve'), ('earn'), ('earn_gold'), ('release'), ('revenue'),
    ('payout_reserve'), ('payout_confirm'), ('payout_reject'), ('payout_reverse'), ('correct');

-- balance_cents, on the normal side, is kept for guarded accounts only: the others are so hot that a row lock on them
-- would put all transfers in one queue, and their balance is the sum of their entries.
CREATE TABLE ledger_account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL REFERENCES ledger_kind,
    owner_id text NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    guarded boolean NOT NULL,
    balance_cents bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_ledger_account_kind_owner_currency UNIQUE (kind, owner_id, currency),
    CONSTRAINT ck_ledger_account_guarded CHECK (guarded = (balance_cents IS NOT NULL)),
    CONSTRAINT ck_ledger_account_not_negative CHECK (balance_cents >= 0)
);

CREATE TABLE ledger_transfer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL CONSTRAINT uq_ledger_transfer_key UNIQUE CHECK (length(key) BETWEEN 1 AND 200),
    params_hash text NOT NULL,
    code text NOT NULL REFERENCES ledger_code,
    effective_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    details jsonb NOT NULL,
    source_id text,
    reverses_id bigint CONSTRAINT uq_ledger_transfer_reverses_id UNIQUE REFERENCES ledger_transfer,
    -- Not xmin: inside a savepoint that is the number of a subtransaction.
    created_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX ix_ledger_transfer_source_id ON ledger_transfer (source_id) WHERE source_id IS NOT NULL;
CREATE INDEX ix_ledger_transfer_code ON ledger_transfer (code, id);

CREATE TABLE ledger_entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transfer_id bigint NOT NULL REFERENCES ledger_transfer,
    account_id bigint NOT NULL REFERENCES ledger_account,
    amount_cents bigint NOT NULL CHECK (amount_cents <> 0),  -- debit positive, credit negative
    balance_after_cents bigint,  -- guarded accounts
    CONSTRAINT uq_ledger_entry_transfer_account UNIQUE (transfer_id, account_id)
);
CREATE INDEX ix_ledger_entry_account ON ledger_entry (account_id, id) INCLUDE (amount_cents);
"""

GUARDS = """
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the ledger is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER keeps_its_name BEFORE UPDATE OF id, kind, owner_id, currency, guarded, created_at ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();

-- First line after ledger_post(): each statement that adds entries must leave their transfers balanced, and may add
-- only to transfers of its own transaction. It cannot be deferred, so SET CONSTRAINTS does not touch it.
CREATE FUNCTION ledger_check_added() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added JOIN ledger_transfer t ON t.id = added.transfer_id WHERE t.created_xid <> pg_current_xact_id()
    ) THEN
        RAISE EXCEPTION 'entries may only be added by the transaction that made the transfer'
            USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
        WHERE e.transfer_id IN (SELECT transfer_id FROM added)
        GROUP BY e.transfer_id, a.currency HAVING sum(e.amount_cents) <> 0
    ) THEN
        RAISE EXCEPTION 'a transfer must sum to zero in each currency' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER balanced AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_added();

-- Second line, at commit: no transfer without entries. Per transfer, not per entry, which would cost their square.
CREATE FUNCTION ledger_check_transfer() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF (SELECT count(*) FROM ledger_entry WHERE transfer_id = NEW.id) < 2 OR EXISTS (
        SELECT FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
        WHERE e.transfer_id = NEW.id GROUP BY a.currency HAVING sum(e.amount_cents) <> 0
    ) THEN
        RAISE EXCEPTION 'transfer % has no balanced entries', NEW.key USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER has_entries AFTER INSERT ON ledger_transfer DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger_check_transfer();
"""

# It answers with a status instead of raising where the caller can go on (no funds, a key used before): an error would
# end the caller's whole transaction. It writes nothing before all checks have passed, so no savepoint is needed.
POST = """
CREATE TYPE ledger_leg AS (kind text, owner_id text, currency text, amount_cents bigint);

CREATE FUNCTION ledger_post(
    p_key text, p_code text, p_entries jsonb, p_effective_at timestamptz, p_details jsonb, p_source_id text,
    p_reverses_id bigint,
    OUT status text, OUT transfer_id bigint, OUT available_cents bigint, OUT needed_cents bigint
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_legs ledger_leg[] := ARRAY(SELECT l FROM jsonb_populate_recordset(NULL::ledger_leg, p_entries) AS l);
    v_hash text;
    v_known ledger_transfer;
    v_id bigint;
BEGIN
    IF cardinality(v_legs) NOT BETWEEN 2 AND 10000 OR EXISTS (
        SELECT FROM unnest(v_legs) l WHERE l.kind IS NULL OR l.owner_id IS NULL OR l.currency IS NULL
            OR coalesce(l.amount_cents, 0) = 0
    ) THEN
        RAISE EXCEPTION 'a transfer has two or more whole entries' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM unnest(v_legs) l GROUP BY l.currency HAVING sum(l.amount_cents) <> 0) THEN
        RAISE EXCEPTION 'a transfer must sum to zero in each currency' USING ERRCODE = 'check_violation';
    END IF;
    SELECT encode(sha256(convert_to(concat_ws('|', p_code, p_reverses_id, p_source_id, string_agg(
        concat_ws(':', l.kind, l.owner_id, l.currency, l.amount_cents), ',' ORDER BY l.kind, l.owner_id, l.currency
    )), 'UTF8')), 'hex') INTO v_hash FROM unnest(v_legs) l;

    INSERT INTO ledger_account (kind, owner_id, currency, guarded, balance_cents)
    SELECT l.kind, l.owner_id, l.currency, k.guarded, CASE WHEN k.guarded THEN 0 END
    FROM unnest(v_legs) l LEFT JOIN ledger_kind k ON k.kind = l.kind
    WHERE NOT EXISTS (
        SELECT FROM ledger_account a WHERE a.kind = l.kind AND a.owner_id = l.owner_id AND a.currency = l.currency
    )
    ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING;

    -- Always in the order of their ids: two transfers over the same accounts never wait for each other in a circle.
    PERFORM FROM ledger_account a JOIN unnest(v_legs) l USING (kind, owner_id, currency)
    WHERE a.guarded ORDER BY a.id FOR UPDATE OF a;

    -- Only now: whoever posted this key while we waited for the locks has committed.
    SELECT * INTO v_known FROM ledger_transfer t WHERE t.key = p_key;
    IF NOT FOUND THEN
        SELECT a.balance_cents, -(l.amount_cents * k.normal_side) INTO available_cents, needed_cents
        FROM ledger_account a JOIN unnest(v_legs) l USING (kind, owner_id, currency) JOIN ledger_kind k USING (kind)
        WHERE a.guarded AND a.balance_cents + l.amount_cents * k.normal_side < 0 ORDER BY a.id LIMIT 1;
        IF FOUND THEN
            status := 'insufficient';
            RETURN;
        END IF;
        INSERT INTO ledger_transfer (key, params_hash, code, effective_at, details, source_id, reverses_id)
        VALUES (p_key, v_hash, p_code, p_effective_at, p_details, p_source_id, p_reverses_id)
        ON CONFLICT (key) DO NOTHING RETURNING id INTO v_id;
        IF v_id IS NULL THEN
            SELECT * INTO v_known FROM ledger_transfer t WHERE t.key = p_key;
        END IF;
    END IF;
    IF v_known.id IS NOT NULL THEN
        transfer_id := v_known.id;
        status := CASE WHEN v_known.params_hash = v_hash THEN 'known' ELSE 'conflict' END;
        RETURN;
    END IF;

    INSERT INTO ledger_entry (transfer_id, account_id, amount_cents, balance_after_cents)
    SELECT v_id, a.id, l.amount_cents, a.balance_cents + l.amount_cents * k.normal_side
    FROM unnest(v_legs) l JOIN ledger_account a USING (kind, owner_id, currency) JOIN ledger_kind k USING (kind)
    ORDER BY a.id;
    UPDATE ledger_account a SET balance_cents = e.balance_after_cents
    FROM ledger_entry e WHERE e.transfer_id = v_id AND a.id = e.account_id AND a.guarded;
    transfer_id := v_id;
    status := 'posted';
END $$;
"""

PAYOUT_TABLES = """
-- An earning's hold. How much it is, is the ledger's business: the transfer earn:<assignment>.
CREATE TABLE payout_earning (
    assignment_id text PRIMARY KEY,
    labeler_id text NOT NULL,
    task_id text,
    amount_cents bigint NOT NULL CHECK (amount_cents > 0),
    currency text NOT NULL,
    earned_at timestamptz NOT NULL,
    hold_until timestamptz NOT NULL,
    released_at timestamptz
);
CREATE INDEX ix_payout_earning_due ON payout_earning (hold_until) WHERE released_at IS NULL;
CREATE INDEX ix_payout_earning_labeler_id ON payout_earning (labeler_id, earned_at);

-- A labeler's account at Stripe, as last fetched.
CREATE TABLE payout_account (
    labeler_id text PRIMARY KEY,
    stripe_account_id text NOT NULL UNIQUE,
    transfers_active boolean NOT NULL DEFAULT false,
    payouts_enabled boolean NOT NULL DEFAULT false,
    currently_due jsonb NOT NULL DEFAULT '[]',
    disabled_reason text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE payout_run (
    id text PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('draft', 'frozen', 'approved', 'done', 'canceled')),
    rail text NOT NULL CHECK (rail IN ('stripe', 'manual')),
    currency text NOT NULL,
    excluded jsonb NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    frozen_by text,
    frozen_at timestamptz,
    content_hash text,
    approved_by text,
    approved_at timestamptz,
    approved_hash text,
    finished_at timestamptz,
    -- Four eyes, whatever the program does.
    CONSTRAINT ck_payout_run_maker_is_not_checker CHECK (approved_by <> created_by AND approved_by <> frozen_by),
    CONSTRAINT ck_payout_run_frozen CHECK (
        state IN ('draft', 'canceled') OR (frozen_by IS NOT NULL AND content_hash IS NOT NULL)
    ),
    CONSTRAINT ck_payout_run_approved CHECK (
        state IN ('draft', 'frozen', 'canceled')
        OR (approved_by IS NOT NULL AND approved_hash IS NOT NULL AND approved_hash = content_hash)
    )
);

CREATE TABLE payout_item (
    id text PRIMARY KEY,
    run_id text NOT NULL REFERENCES payout_run,
    labeler_id text NOT NULL,
    amount_cents bigint NOT NULL CHECK (amount_cents > 0),
    currency text NOT NULL,
    destination text,  -- the account at Stripe; none on the manual rail
    state text NOT NULL CHECK (
        state IN ('ready', 'held', 'sending', 'unknown', 'manual', 'paid', 'failed', 'reversed', 'canceled')
    ),
    in_content boolean NOT NULL DEFAULT false,  -- part of what was frozen and approved
    reason text,  -- why it is held, failed, canceled, or was let go
    decided_by text,  -- who held it or let it go
    decided_at timestamptz,
    stripe_transfer_id text UNIQUE,
    reversed_cents bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX ix_payout_item_run_id ON payout_item (run_id);
CREATE INDEX ix_payout_item_labeler_id ON payout_item (labeler_id, created_at);
-- A labeler is in one open payout at a time, whatever runs are built at the same moment.
CREATE UNIQUE INDEX uq_payout_item_open ON payout_item (labeler_id, currency)
    WHERE state IN ('ready', 'held', 'sending', 'unknown', 'manual', 'failed');

CREATE TABLE payout_attempt (
    id text PRIMARY KEY,
    item_id text NOT NULL REFERENCES payout_item,
    number integer NOT NULL,
    state text NOT NULL CHECK (state IN ('intent', 'sending', 'unknown', 'confirmed', 'rejected')),
    idempotency_key text NOT NULL UNIQUE,
    params jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    first_sent_at timestamptz,
    sends integer NOT NULL DEFAULT 0,
    lease_token text,
    lease_until timestamptz,
    lookups integer NOT NULL DEFAULT 0,
    looked_up_at timestamptz,
    stripe_transfer_id text UNIQUE,
    reference text,  -- of a manual payout, given by whoever confirmed it
    decided_by text,
    error_code text,
    error_message text,
    request_id text,
    resolved_at timestamptz,
    CONSTRAINT uq_payout_attempt_item_number UNIQUE (item_id, number)
);
-- The guard against paying twice: no new attempt before the last one has a definitive end.
CREATE UNIQUE INDEX uq_payout_attempt_open ON payout_attempt (item_id) WHERE state <> 'rejected';
CREATE INDEX ix_payout_attempt_unresolved ON payout_attempt (lease_until)
    WHERE state IN ('intent', 'sending', 'unknown');

CREATE FUNCTION payout_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: what is to be paid to whom never changes', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER stays_as_made BEFORE UPDATE OF id, run_id, labeler_id, amount_cents, currency, destination ON payout_item
    FOR EACH STATEMENT EXECUTE FUNCTION payout_refuse();
CREATE TRIGGER stays_as_made BEFORE UPDATE OF id, item_id, number, idempotency_key, params ON payout_attempt
    FOR EACH STATEMENT EXECUTE FUNCTION payout_refuse();

-- Payouts from labelers' accounts at Stripe to their banks: followed, not steered.
CREATE TABLE payout_arrival (
    stripe_payout_id text PRIMARY KEY,
    stripe_account_id text NOT NULL,
    amount_cents bigint NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    failure_code text,
    arrives_at timestamptz,
    updated_at timestamptz NOT NULL
);
CREATE INDEX ix_payout_arrival_stripe_account_id ON payout_arrival (stripe_account_id);

CREATE TABLE webhook_event (
    id text PRIMARY KEY,
    type text NOT NULL,
    account text,
    object_id text NOT NULL,
    payload jsonb NOT NULL,
    received_at timestamptz NOT NULL,
    applied_at timestamptz,
    outcome text
);
CREATE INDEX ix_webhook_event_open ON webhook_event (received_at) WHERE applied_at IS NULL;
"""

GRANTS = """
GRANT USAGE ON SCHEMA public TO labelyard_app;
GRANT SELECT ON ledger_kind, ledger_code, ledger_account, ledger_transfer, ledger_entry TO labelyard_app;
REVOKE EXECUTE ON FUNCTION ledger_post(text, text, jsonb, timestamptz, jsonb, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_post(text, text, jsonb, timestamptz, jsonb, text, bigint) TO labelyard_app;
GRANT SELECT, INSERT, UPDATE ON payout_earning, payout_account, payout_run, payout_item, payout_attempt,
    payout_arrival, webhook_event TO labelyard_app;
"""


def upgrade() -> None:
    for statements in (LEDGER_TABLES, GUARDS, POST, PAYOUT_TABLES, GRANTS):
        op.execute(statements)


def downgrade() -> None:
    op.execute("""
        DROP TABLE webhook_event, payout_arrival, payout_attempt, payout_item, payout_run, payout_account,
            payout_earning, ledger_entry, ledger_transfer, ledger_account, ledger_code, ledger_kind;
        DROP FUNCTION ledger_post, ledger_check_added, ledger_check_transfer, ledger_refuse, payout_refuse;
        DROP TYPE ledger_leg;
    """)
