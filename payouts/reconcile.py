"""Does the money add up: the ledger against Stripe's balance transactions, and against its own laws."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from payouts.chart import Kind
from payouts.models import LedgerAccount, LedgerEntry, LedgerTransfer
from payouts.rail import BalanceTransaction

FAILURES_SHOWN = 20


@dataclass(frozen=True)
class Check:
    """A law of the ledger and the rows that break it; none is well."""

    name: str
    failing: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.failing


# Each query gives one line of text per row that breaks the law.
LAWS = {
    "every transfer sums to zero in each currency": """
        SELECT format('transfer %s: %s %s', e.transfer_id, sum(e.amount_cents), a.currency)
        FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
        GROUP BY e.transfer_id, a.currency HAVING sum(e.amount_cents) <> 0
    """,
    "every transfer has entries": """
        SELECT format('transfer %s', t.id) FROM ledger_transfer t
        WHERE NOT EXISTS (SELECT FROM ledger_entry e WHERE e.transfer_id = t.id)
    """,
    "kept balances equal the sum of their entries": """
        SELECT format('account %s %s: kept %s, entries %s', a.kind, a.owner_id, a.balance_cents,
                      coalesce(sum(e.amount_cents), 0) * k.normal_side)
        FROM ledger_account a JOIN ledger_kind k USING (kind) LEFT JOIN ledger_entry e ON e.account_id = a.id
        WHERE a.guarded GROUP BY a.id, k.normal_side
        HAVING a.balance_cents <> coalesce(sum(e.amount_cents), 0) * k.normal_side
    """,
    "no guarded account is below zero": """
        SELECT format('account %s %s: %s', a.kind, a.owner_id, a.balance_cents)
        FROM ledger_account a WHERE a.guarded AND a.balance_cents < 0
    """,
    "held money equals the earnings on hold": """
        SELECT format('labeler %s: ledger %s, earnings %s', labeler_id, coalesce(held, 0), coalesce(earned, 0))
        FROM (SELECT owner_id AS labeler_id, currency, balance_cents AS held FROM ledger_account
              WHERE kind = 'labeler_held' AND balance_cents <> 0) l
        FULL JOIN (SELECT labeler_id, currency, sum(amount_cents) AS earned FROM payout_earning
                   WHERE released_at IS NULL GROUP BY labeler_id, currency) e USING (labeler_id, currency)
        WHERE coalesce(held, 0) <> coalesce(earned, 0)
    """,
    "money in transit belongs to payouts whose end is open": """
        SELECT format('payout %s: %s in transit, %s', coalesce(a.owner_id, i.id), coalesce(a.balance_cents, 0), i.state)
        FROM (SELECT * FROM ledger_account WHERE kind = 'payout_in_transit' AND balance_cents <> 0) a
        FULL JOIN (SELECT * FROM payout_item WHERE state IN ('sending', 'unknown', 'manual')) i ON i.id = a.owner_id
        WHERE coalesce(a.balance_cents, 0) <> coalesce(i.amount_cents, 0)
    """,
    "every paid payout left exactly once": """
        SELECT format('payout %s: %s confirmed', i.id, count(t.id))
        FROM payout_item i
        LEFT JOIN payout_attempt p ON p.item_id = i.id AND p.state = 'confirmed'
        LEFT JOIN ledger_transfer t ON t.key = concat_ws(':', 'attempt', p.id, 'confirm')
        WHERE i.state IN ('paid', 'reversed') GROUP BY i.id HAVING count(t.id) <> 1
    """,
    "every approved run was approved by a second person for its content": """
        SELECT format('run %s', id) FROM payout_run
        WHERE state IN ('approved', 'done')
            AND (approved_by IN (created_by, frozen_by) OR approved_hash <> content_hash)
    """,
}


def invariants(session: Session) -> list[Check]:
    """Every law with the rows that break it, at most FAILURES_SHOWN each."""
    checks = []
    for name, query in LAWS.items():
        rows = session.scalars(text(f"SELECT * FROM ({query}) broken LIMIT {FAILURES_SHOWN}"))  # noqa: S608
        checks.append(Check(name, tuple(rows)))
    return checks


@dataclass(frozen=True)
class Line:
    """The same movement as the ledger has it and as Stripe has it; cents on our balance at Stripe, out is negative."""

    source_id: str
    ledger_cents: int | None
    stripe_cents: int | None
    what: str

    @property
    def matched(self) -> bool:
        return self.ledger_cents == self.stripe_cents


@dataclass(frozen=True)
class Reconciliation:
    matched: tuple[Line, ...]
    unmatched: tuple[Line, ...]

    @property
    def difference_cents(self) -> int:
        """By how much Stripe's balance is above the ledger's."""
        return sum((line.stripe_cents or 0) - (line.ledger_cents or 0) for line in self.unmatched)


def reconcile(session: Session, transactions: Iterable[BalanceTransaction], currency: str = "USD") -> Reconciliation:
    """Pair by the id of the source, never by amount: two equal payouts are not the same payout."""
    ledger: dict[str, tuple[int, str]] = {}
    for source_id, cents, code in session.execute(
        select(
            func.coalesce(LedgerTransfer.source_id, LedgerTransfer.key), LedgerEntry.amount_cents, LedgerTransfer.code
        )
        .join(LedgerEntry, LedgerEntry.transfer_id == LedgerTransfer.id)
        .join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
        .where(LedgerAccount.kind == Kind.STRIPE_AVAILABLE.value, LedgerAccount.currency == currency)
    ):
        ledger[source_id] = (ledger.get(source_id, (0, ""))[0] + cents, code)
    stripe: dict[str, tuple[int, str]] = {}
    for seen in transactions:
        if seen.currency == currency:
            stripe[seen.source_id] = (stripe.get(seen.source_id, (0, ""))[0] + seen.net_cents, seen.type)
    lines = [_line(source_id, ledger.get(source_id), stripe.get(source_id)) for source_id in sorted(ledger | stripe)]
    return Reconciliation(
        matched=tuple(line for line in lines if line.matched),
        unmatched=tuple(line for line in lines if not line.matched),
    )


def _line(source_id: str, ledger: tuple[int, str] | None, stripe: tuple[int, str] | None) -> Line:
    what = (stripe or ledger or (0, ""))[1]
    return Line(source_id, ledger[0] if ledger else None, stripe[0] if stripe else None, what)
