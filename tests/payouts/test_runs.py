"""Runs: who is due, four eyes, and an approval that holds for exactly what was looked at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from payouts import attempts, runs
from payouts.attempts import Transaction
from payouts.errors import PayoutRefused
from payouts.models import ItemState, Rail, Run, RunState
from payouts.payout_run import Exclusion, Payee, plan
from tests.payouts.in_threads import in_threads
from tests.payouts.world import CHECKER, MAKER, NOW, approved_run, assert_sound, available, earned, only_item, opened

payees = st.builds(
    Payee,
    labeler_id=st.text("abc", min_size=1, max_size=4),
    available_cents=st.integers(0, 10**6),
    account_id=st.none() | st.just("acct_1"),
    can_receive=st.booleans(),
    has_open_payout=st.booleans(),
)


@given(st.lists(payees, unique_by=lambda payee: payee.labeler_id), st.sampled_from(Rail), st.integers(0, 10**6))
def test_everybody_with_money_is_due_or_told_why_not(people: list[Payee], rail: Rail, minimum: int) -> None:
    made = plan(people, rail=rail, minimum_cents=minimum)
    placed = [due.labeler_id for due in made.due] + [excluded.labeler_id for excluded in made.excluded]
    assert sorted(placed) == sorted(payee.labeler_id for payee in people if payee.available_cents > 0)
    total = sum(due.amount_cents for due in made.due) + sum(excluded.amount_cents for excluded in made.excluded)
    assert total == sum(payee.available_cents for payee in people)
    by_id = {payee.labeler_id: payee for payee in people}
    for due in made.due:
        assert due.amount_cents >= minimum and not by_id[due.labeler_id].has_open_payout
        assert rail is Rail.MANUAL or by_id[due.labeler_id].can_receive


def test_the_minimum_and_the_missing_account_are_reasons() -> None:
    made = plan(
        [Payee("a", 99, None, False, False), Payee("b", 100, None, False, False)], rail=Rail.STRIPE, minimum_cents=100
    )
    assert [excluded.reason for excluded in made.excluded] == [Exclusion.BELOW_MINIMUM, Exclusion.NO_ACCOUNT]


def draft(session: Session) -> Run:
    earned(session, "l1", 5_000)
    earned(session, "l2", 7_000)
    return runs.build_run(session, by=MAKER, now=NOW, rail=Rail.MANUAL, minimum_cents=1)


def frozen(session: Session) -> tuple[Run, str]:
    run = runs.freeze(session, draft(session).id, by=MAKER, now=NOW)
    assert run.content_hash is not None
    return run, run.content_hash


def test_the_maker_cannot_approve(session: Session) -> None:
    run, content = frozen(session)
    with pytest.raises(PayoutRefused, match="Another person"):
        runs.approve(session, run.id, by=MAKER, content_hash=content, now=NOW)


def test_the_database_refuses_it_too(session: Session) -> None:
    run, _ = frozen(session)
    session.commit()
    approve = text(
        "UPDATE payout_run SET state = 'approved', approved_by = :by, approved_hash = content_hash WHERE id = :id"
    )
    with pytest.raises(Exception, match="maker_is_not_checker"):
        session.execute(approve, {"by": MAKER, "id": run.id})
    session.rollback()
    with pytest.raises(Exception, match="ck_payout_run_approved"):
        session.execute(text("UPDATE payout_run SET state = 'approved' WHERE id = :id"), {"id": run.id})
    session.rollback()
    with pytest.raises(Exception, match="never changes"):
        session.execute(text("UPDATE payout_item SET amount_cents = amount_cents + 1"))
    session.rollback()


def test_an_approval_of_something_else_is_refused(session: Session) -> None:
    run, _ = frozen(session)
    with pytest.raises(PayoutRefused, match="changed since"):
        runs.approve(session, run.id, by=CHECKER, content_hash="another", now=NOW)


def test_a_change_voids_the_freeze(session: Session) -> None:
    run, content = frozen(session)
    runs.hold_item(session, run.items[0].id, by=CHECKER, reason="a new bank account", now=NOW)
    assert run.state is RunState.DRAFT
    with pytest.raises(PayoutRefused):
        runs.approve(session, run.id, by=CHECKER, content_hash=content, now=NOW)
    runs.freeze(session, run.id, by=MAKER, now=NOW)
    assert run.content_hash not in (None, content)


def test_a_hold_needs_a_reason(session: Session) -> None:
    run = draft(session)
    with pytest.raises(PayoutRefused, match="reason"):
        runs.hold_item(session, run.items[0].id, by=CHECKER, reason="  ", now=NOW)


def test_a_held_payout_stays_behind_and_is_due_again(transaction: Transaction) -> None:
    with transaction() as session:
        run = draft(session)
        held = run.items[0].id
        runs.hold_item(session, held, by=MAKER, reason="first payout", now=NOW)
        run = runs.freeze(session, run.id, by=MAKER, now=NOW)
        runs.approve(session, run.id, by=CHECKER, content_hash=run.content_hash or "", now=NOW)
        assert [item.labeler_id for item in runs.to_send(session, run.id)] == ["l2"]
        run_id = run.id
    opened(transaction, run_id)
    with transaction() as session:
        # The approval did not cover it: let go, it waits for the next run.
        item = runs.release_item(session, held, by=CHECKER, reason="looked at", now=NOW)
        assert item.state is ItemState.CANCELED
        again = runs.build_run(session, by=MAKER, now=NOW, rail=Rail.MANUAL, minimum_cents=1)
        assert [(due.labeler_id, due.amount_cents) for due in again.items] == [("l1", 5_000)]


def test_held_after_the_approval_and_let_go_it_leaves(transaction: Transaction) -> None:
    with transaction() as session:
        earned(session, "l1", 5_000)
    run_id = approved_run(transaction, Rail.MANUAL)
    with transaction() as session:
        item = only_item(session, run_id)
        runs.hold_item(session, item.id, by=CHECKER, reason="wait", now=NOW)
        assert runs.to_send(session, run_id) == []
        assert attempts.open_attempt(session, item.id, NOW) is None
        runs.release_item(session, item.id, by=CHECKER, reason="fine", now=NOW)
        assert [due.id for due in runs.to_send(session, run_id)] == [item.id]


def test_a_labeler_is_in_one_open_payout(session: Session) -> None:
    draft(session)
    with pytest.raises(PayoutRefused, match="Nobody is due"):
        runs.build_run(session, by=MAKER, now=NOW, rail=Rail.MANUAL, minimum_cents=1)


def test_two_runs_built_at_once_never_share_a_labeler(transaction: Transaction) -> None:
    with transaction() as session:
        earned(session, "l1", 5_000)

    refused = []

    def build(number: int) -> None:
        try:
            with transaction() as session:
                runs.build_run(session, by=f"u{number}", now=NOW, rail=Rail.MANUAL, minimum_cents=1)
        except Exception as error:  # noqa: BLE001  the database's or the plan's refusal, whichever came first
            refused.append(error)

    in_threads(6, build)
    assert len(refused) == 5


def test_a_canceled_run_makes_its_labelers_due_again(session: Session) -> None:
    run, _ = frozen(session)
    runs.cancel(session, run.id, by=CHECKER, reason="wrong week", now=NOW)
    again = runs.build_run(session, by=MAKER, now=NOW, rail=Rail.MANUAL, minimum_cents=1)
    assert len(again.items) == 2


def test_a_manual_run_to_its_end(transaction: Transaction) -> None:
    with transaction() as session:
        earned(session, "l1", 5_000)
        earned(session, "l2", 7_000)
    run_id = approved_run(transaction, Rail.MANUAL)
    opened(transaction, run_id)
    with transaction() as session:
        paid, refused = session.get_one(Run, run_id).items
        assert available(session, "l1") == 0
        assert_sound(session)
        attempts.confirm_manual(session, paid.id, by=CHECKER, reference="wire 17", now=NOW)
        attempts.reject_manual(session, refused.id, by=CHECKER, reason="account closed", now=NOW)
        assert (paid.state, refused.state) == (ItemState.PAID, ItemState.FAILED)
        assert available(session, "l1") == 0 and available(session, "l2") == 7_000
        assert session.get_one(Run, run_id).state is RunState.DONE
        with pytest.raises(PayoutRefused):
            attempts.confirm_manual(session, paid.id, by=CHECKER, reference="wire 17", now=NOW)
        assert_sound(session)
