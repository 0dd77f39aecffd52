"""The chart of accounts on one page: kinds of accounts, and the codes that say why money moved."""

from dataclasses import dataclass
from enum import StrEnum

PLATFORM = ""  # the owner of accounts of which there is one per currency
DEBIT, CREDIT = 1, -1  # the sign of an entry; a balance is counted on the account's normal side


class Kind(StrEnum):
    """What an account holds, and whose: the owner is an opaque id."""

    BANK = "bank"  # our bank: customers' wires come in, manual payouts go out
    STRIPE_AVAILABLE = "stripe_available"  # our balance at Stripe
    CUSTOMER_FUNDS = "customer_funds"  # paid in by a customer, not yet reserved; owner: customer
    TASK_RESERVE = "task_reserve"  # kept for a task; owner: task
    LABELER_HELD = "labeler_held"  # earned, waiting for the hold to end; owner: labeler
    LABELER_AVAILABLE = "labeler_available"  # earned, goes out with the next run; owner: labeler
    PAYOUT_IN_TRANSIT = "payout_in_transit"  # on its way; must return to zero; owner: payout item
    FEE_REVENUE = "fee_revenue"  # our fee
    GOLD_EXPENSE = "gold_expense"  # gold is work that we order and pay ourselves


@dataclass(frozen=True)
class Rule:
    """`guarded` accounts are locked by every transfer and never negative; the others only ever receive entries."""

    normal_side: int
    guarded: bool


# The database holds the same table (ledger_kind); a test compares them.
CHART: dict[Kind, Rule] = {
    Kind.BANK: Rule(DEBIT, guarded=False),
    Kind.STRIPE_AVAILABLE: Rule(DEBIT, guarded=False),
    Kind.CUSTOMER_FUNDS: Rule(CREDIT, guarded=True),
    Kind.TASK_RESERVE: Rule(CREDIT, guarded=True),
    Kind.LABELER_HELD: Rule(CREDIT, guarded=True),
    Kind.LABELER_AVAILABLE: Rule(CREDIT, guarded=True),
    Kind.PAYOUT_IN_TRANSIT: Rule(CREDIT, guarded=True),
    Kind.FEE_REVENUE: Rule(CREDIT, guarded=False),
    Kind.GOLD_EXPENSE: Rule(DEBIT, guarded=False),
}


class Code(StrEnum):
    """Why money moved: one code per function of `postings`."""

    FUND = "fund"  # bank -> customer's funds
    TOP_UP = "top_up"  # bank -> our balance at Stripe
    RESERVE = "reserve"  # customer's funds -> task's reserve
    REFUND_RESERVE = "refund_reserve"  # task's reserve -> customer's funds
    EARN = "earn"  # task's reserve -> labeler, held
    EARN_GOLD = "earn_gold"  # our expense -> labeler, held
    RELEASE = "release"  # labeler, held -> available
    REVENUE = "revenue"  # what is left of the task's reserve -> our fee
    PAYOUT_RESERVE = "payout_reserve"  # labeler, available -> in transit
    PAYOUT_CONFIRM = "payout_confirm"  # in transit -> gone from Stripe or the bank
    PAYOUT_REJECT = "payout_reject"  # in transit -> labeler, available
    PAYOUT_REVERSE = "payout_reverse"  # back at Stripe -> labeler, available
    CORRECT = "correct"  # the reverse of an earlier transfer
