"""post(): once per key, balanced, never below zero, whoever asks at the same moment."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from payouts import ledger, postings
from payouts.attempts import Transaction
from payouts.chart import CHART, Code, Kind
from payouts.errors import InsufficientFunds, KeyConflict
from payouts.ledger import Leg, credit, debit
from payouts.models import Base
from payouts.reconcile import invariants
from tests.payouts.in_threads import in_threads
from tests.payouts.world import NOW


def test_the_chart_in_the_database_is_the_chart_in_the_program(session: Session) -> None:
    kinds = {row.kind: (row.normal_side, row.guarded) for row in session.execute(text("SELECT * FROM ledger_kind"))}
    assert kinds == {kind.value: (rule.normal_side, rule.guarded) for kind, rule in CHART.items()}
    assert set(session.scalars(text("SELECT code FROM ledger_code"))) == {code.value for code in Code}


def test_the_models_name_the_columns_of_the_migration(session: Session) -> None:
    for table in Base.metadata.tables.values():
        found = set(
            session.scalars(
                text("SELECT column_name FROM information_schema.columns WHERE table_name = :name"),
                {"name": table.name},
            )
        )
        unmapped = {"created_xid"} if table.name == "ledger_transfer" else set()
        assert found == {column.name for column in table.columns} | unmapped, table.name


def test_a_posting_again_is_the_same_posting(session: Session) -> None:
    first = postings.fund_customer(session, "c1", 5_000, key="wire 1")
    again = postings.fund_customer(session, "c1", 5_000, key="wire 1")
    assert first.created and not again.created and first.transfer_id == again.transfer_id
    assert ledger.balance(session, Kind.CUSTOMER_FUNDS, "c1") == 5_000
    assert ledger.balance(session, Kind.BANK) == 5_000


def test_a_key_with_another_amount_is_refused_and_the_transaction_goes_on(session: Session) -> None:
    postings.fund_customer(session, "c1", 5_000, key="wire 1")
    with pytest.raises(KeyConflict):
        postings.fund_customer(session, "c1", 5_001, key="wire 1")
    postings.fund_customer(session, "c1", 1, key="wire 2")
    assert ledger.balance(session, Kind.CUSTOMER_FUNDS, "c1") == 5_001


def test_a_guarded_account_never_falls_below_zero_and_the_transaction_goes_on(session: Session) -> None:
    postings.fund_customer(session, "c1", 5_000, key="wire 1")
    with pytest.raises(InsufficientFunds) as refused:
        postings.reserve(session, "c1", "t1", 5_001)
    assert (refused.value.available_cents, refused.value.needed_cents) == (5_000, 5_001)
    postings.reserve(session, "c1", "t1", 5_000)
    assert ledger.balance(session, Kind.CUSTOMER_FUNDS, "c1") == 0


def test_a_task_from_funds_to_earning_to_fee(session: Session) -> None:
    postings.fund_customer(session, "c1", 10_000, key="wire 1")
    postings.reserve(session, "c1", "t1", 1_250)
    postings.earn(session, "t1", "l1", "a1", 600, NOW)
    postings.earn(session, "t1", "l2", "a2", 400, NOW)
    postings.recognize_revenue(session, "t1")
    postings.recognize_revenue(session, "t1")
    assert ledger.balance(session, Kind.TASK_RESERVE, "t1") == 0
    assert ledger.balance(session, Kind.FEE_REVENUE) == 250
    assert ledger.balance(session, Kind.LABELER_HELD, "l1") == 600
    postings.release_hold(session, "a1", NOW)
    postings.release_hold(session, "a1", NOW)
    assert ledger.balance(session, Kind.LABELER_AVAILABLE, "l1") == 600
    assert all(check.ok for check in invariants(session))


def test_a_canceled_task_gives_its_reserve_back(session: Session) -> None:
    postings.fund_customer(session, "c1", 10_000, key="wire 1")
    postings.reserve(session, "c1", "t1", 1_250)
    postings.release_reserve(session, "t1", "c1")
    postings.release_reserve(session, "t1", "c1")
    assert ledger.balance(session, Kind.CUSTOMER_FUNDS, "c1") == 10_000


def test_a_hold_is_not_released_early(session: Session) -> None:
    postings.earn_gold(session, "l1", "a1", 300, NOW)
    assert postings.release_hold(session, "a1", NOW.replace(year=2025)) is None
    assert ledger.balance(session, Kind.LABELER_AVAILABLE, "l1") == 0
    assert ledger.balance(session, Kind.GOLD_EXPENSE) == 300


def test_a_correction_is_the_reverse_posted_once(session: Session) -> None:
    wrong = postings.fund_customer(session, "c1", 5_000, key="wire 1")
    ledger.correct(session, wrong.transfer_id, reason="the wire was another customer's", by="u1")
    again = ledger.correct(session, wrong.transfer_id, reason="again", by="u2")
    assert not again.created
    assert ledger.balance(session, Kind.CUSTOMER_FUNDS, "c1") == 0 and ledger.balance(session, Kind.BANK) == 0


def test_amounts_in_two_currencies_balance_in_each(session: Session) -> None:
    unbalanced = [debit(Kind.BANK, 5, currency="EUR"), credit(Kind.CUSTOMER_FUNDS, 5, "c1", currency="USD")]
    with pytest.raises(Exception, match="sum to zero in each currency"):
        ledger.post(session, "fx", Code.FUND, unbalanced)
    session.rollback()
    balanced = [
        debit(Kind.BANK, 5, currency="EUR"),
        credit(Kind.CUSTOMER_FUNDS, 5, "c1", currency="EUR"),
        debit(Kind.BANK, 7, currency="USD"),
        credit(Kind.CUSTOMER_FUNDS, 7, "c1", currency="USD"),
    ]
    ledger.post(session, "fx", Code.FUND, balanced)
    assert ledger.balance(session, Kind.CUSTOMER_FUNDS, "c1", "EUR") == 5


def test_savepoints_do_not_confuse_the_fence(session: Session) -> None:
    with session.begin_nested():
        postings.fund_customer(session, "c1", 5_000, key="wire 1")
    with session.begin_nested():
        postings.reserve(session, "c1", "t1", 5_000)
    session.commit()
    assert ledger.balance(session, Kind.TASK_RESERVE, "t1") == 5_000


def test_many_at_once_never_spend_more_than_there_is(transaction: Transaction) -> None:
    with transaction() as session:
        postings.fund_customer(session, "c1", 1_000, key="wire 1")
    refused = []

    def reserve(number: int) -> None:
        for turn in range(5):
            try:
                with transaction() as session:
                    postings.reserve(session, "c1", f"t{number}.{turn}", 30)
            except InsufficientFunds:
                refused.append(number)

    in_threads(12, reserve)
    with transaction() as session:
        assert len(refused) == 60 - 33
        assert ledger.balance(session, Kind.CUSTOMER_FUNDS, "c1") == 10
        assert all(check.ok for check in invariants(session))


def test_many_at_once_with_one_key_post_once(transaction: Transaction) -> None:
    created = []

    def fund(_number: int) -> None:
        with transaction() as session:
            created.append(postings.fund_customer(session, "c1", 700, key="the same wire").created)

    in_threads(12, fund)
    with transaction() as session:
        assert created.count(True) == 1
        assert ledger.balance(session, Kind.CUSTOMER_FUNDS, "c1") == 700


def test_opposite_transfers_do_not_deadlock(transaction: Transaction) -> None:
    with transaction() as session:
        for owner in ("c1", "c2"):
            postings.fund_customer(session, owner, 100_000, key=owner)

    def swap(number: int) -> None:
        one, other = ("c1", "c2") if number % 2 else ("c2", "c1")
        for turn in range(10):
            legs = [debit(Kind.CUSTOMER_FUNDS, 7, one), credit(Kind.CUSTOMER_FUNDS, 7, other)]
            with transaction() as session:
                ledger.post(session, f"swap {number} {turn}", Code.CORRECT, legs)

    in_threads(8, swap)
    with transaction() as session:
        assert ledger.balance(session, Kind.CUSTOMER_FUNDS, "c1") == 100_000


# What the application's role cannot do, whatever its program says


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO ledger_entry (transfer_id, account_id, amount_cents) SELECT max(transfer_id), max(account_id), 5"
        " FROM ledger_entry",
        "UPDATE ledger_entry SET amount_cents = amount_cents + 1",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry CASCADE",
        "UPDATE ledger_account SET balance_cents = balance_cents + 1",
        "INSERT INTO ledger_account (kind, owner_id, currency, guarded, balance_cents)"
        " VALUES ('customer_funds', 'me', 'USD', true, 100)",
        "UPDATE ledger_transfer SET code = 'fund'",
        "DELETE FROM ledger_transfer",
        "UPDATE ledger_kind SET guarded = false",
        "ALTER TABLE ledger_entry DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
    ],
)
@pytest.mark.parametrize("before", ["SELECT 1", "SET CONSTRAINTS ALL IMMEDIATE"])
def test_the_role_of_the_application_cannot(session: Session, statement: str, before: str) -> None:
    postings.fund_customer(session, "c1", 100, key="wire 1")
    session.commit()
    session.execute(text(before))
    with pytest.raises(Exception, match=r"permission denied|must be owner"):
        session.execute(text(statement))
    session.rollback()
    assert ledger.balance(session, Kind.CUSTOMER_FUNDS, "c1") == 100


def test_the_function_refuses_what_does_not_balance(session: Session) -> None:
    call = text("SELECT ledger_post('k', 'fund', CAST(:entries AS jsonb), now(), '{}', NULL, NULL)")
    for entries in (
        '[{"kind": "bank", "owner_id": "", "currency": "USD", "amount_cents": 5}]',
        '[{"kind": "bank", "owner_id": "", "currency": "USD", "amount_cents": 5},'
        ' {"kind": "customer_funds", "owner_id": "c", "currency": "USD", "amount_cents": -4}]',
        '[{"kind": "bank", "owner_id": "", "currency": "USD", "amount_cents": 5},'
        ' {"kind": "customer_funds", "owner_id": "c", "currency": "USD"}]',
        '[{"kind": "bank", "owner_id": "", "currency": "USD", "amount_cents": 5},'
        ' {"kind": "no such kind", "owner_id": "c", "currency": "USD", "amount_cents": -5}]',
    ):
        with pytest.raises(Exception, match=r"two or more whole entries|sum to zero|null value"):
            session.execute(call, {"entries": entries})
        session.rollback()


# What even the owner's mistake does not get past


def owner_does(owner_engine: Engine, *statements: str) -> None:
    with owner_engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


HEADER = (
    "INSERT INTO ledger_transfer (key, params_hash, code, effective_at, details)"
    " VALUES ('raw', 'h', 'fund', now(), '{}')"
)
ENTRIES = (
    "INSERT INTO ledger_entry (transfer_id, account_id, amount_cents)"
    " SELECT (SELECT id FROM ledger_transfer WHERE key = '{key}'), id,"
    " CASE kind WHEN 'bank' THEN {debit} ELSE {credit} END FROM ledger_account"
)


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param([HEADER], id="no entries"),
        pytest.param([HEADER, ENTRIES.format(key="raw", debit=5, credit=-4)], id="unbalanced"),
        pytest.param(
            [
                "INSERT INTO ledger_account (kind, owner_id, currency, guarded)"
                " VALUES ('bank', '', 'EUR', false), ('fee_revenue', '', 'EUR', false)",
                ENTRIES.format(key="fund:wire 1", debit=5, credit=-5) + " WHERE currency = 'EUR'",
            ],
            id="late append",
        ),
        pytest.param(
            [
                HEADER,
                ENTRIES.format(key="raw", debit=5, credit=-5),
                "SET CONSTRAINTS ALL IMMEDIATE",
                "INSERT INTO ledger_account (kind, owner_id, currency, guarded)"
                " VALUES ('fee_revenue', '', 'USD', false)",
                "INSERT INTO ledger_entry (transfer_id, account_id, amount_cents)"
                " SELECT t.id, a.id, 5 FROM ledger_transfer t, ledger_account a"
                " WHERE t.key = 'raw' AND a.kind = 'fee_revenue'",
            ],
            id="after the deferred check was spent",
        ),
        pytest.param(["UPDATE ledger_entry SET amount_cents = 1"], id="update"),
        pytest.param(["DELETE FROM ledger_transfer"], id="delete"),
        pytest.param(["TRUNCATE ledger_entry"], id="truncate"),
        pytest.param(["UPDATE ledger_account SET balance_cents = -1 WHERE guarded"], id="negative"),
        pytest.param(["UPDATE ledger_account SET owner_id = 'c2'"], id="another owner"),
        pytest.param(["DELETE FROM ledger_account"], id="delete account"),
    ],
)
def test_the_tables_refuse(session: Session, owner_engine: Engine, statements: list[str]) -> None:
    postings.fund_customer(session, "c1", 100, key="wire 1")
    session.commit()
    with pytest.raises(Exception, match=r"balanced|sum to zero|may only be added|append-only|not_negative"):
        owner_does(owner_engine, *statements)
    assert all(check.ok for check in invariants(session))


def test_the_checks_find_what_somebody_broke_by_force(session: Session, owner_engine: Engine) -> None:
    postings.fund_customer(session, "c1", 100, key="wire 1")
    session.commit()
    owner_does(
        owner_engine,
        "SET LOCAL session_replication_role = replica",
        "UPDATE ledger_entry SET amount_cents = amount_cents + 1 WHERE amount_cents > 0",
        "UPDATE ledger_account SET balance_cents = balance_cents + 2 WHERE guarded",
    )
    failed = {check.name for check in invariants(session) if not check.ok}
    assert failed == {"every transfer sums to zero in each currency", "kept balances equal the sum of their entries"}


def test_legs_of_one_account_come_as_one(session: Session) -> None:
    twice = [Leg(Kind.BANK, "", 5), Leg(Kind.BANK, "", 5), credit(Kind.CUSTOMER_FUNDS, 10, "c1")]
    with pytest.raises(Exception, match="uq_ledger_entry_transfer_account"):
        ledger.post(session, "twice", Code.FUND, twice)
    session.rollback()
