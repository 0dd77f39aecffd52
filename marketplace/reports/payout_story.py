"""What happened to a payout, in the order of time: decisions, movements on the ledger, arrivals at the bank."""

from dataclasses import dataclass
from datetime import datetime

from marketplace.db import db
from marketplace.reports.labelers import decisions_on
from marketplace.reports.payouts import transfers_of
from marketplace.words import money
from payouts import webhooks
from payouts.chart import Code
from payouts.models import Item, Rail

MOVED = {
    Code.PAYOUT_RESERVE.value: "set aside from the labeler's available money",
    Code.PAYOUT_REJECT.value: "refused; available to the labeler again",
    Code.PAYOUT_REVERSE.value: "came back; available to the labeler again",
}

DECIDED = {
    "hold": "held",
    "release": "released",
    "send again": "sent again",
    "mark paid": "marked as paid",
    "mark refused": "marked as not paid",
    "give up": "given up",
}


@dataclass(frozen=True)
class Event:
    at: datetime
    words: str
    where: str
    transfer_id: int | None = None


def story_of(item: Item) -> list[Event]:
    left_from = "our balance at Stripe" if item.run.rail is Rail.STRIPE else "our bank"
    words = MOVED | {Code.PAYOUT_CONFIRM.value: f"left {left_from}"}
    told = [
        Event(one.event.created_at, _decision(one.event.action, one.event.details.get("reason")), one.actor)
        for one in decisions_on(item.id)
    ]
    told += [
        Event(one.created_at, words.get(one.code, one.code), f"ledger {one.id}", one.id)
        for one in transfers_of(item.id)
    ]
    told += [
        Event(
            one.updated_at,
            f"from the labeler's account to the bank: {one.status}"
            f"{f' ({one.failure_code})' if one.failure_code else ''}, {money(one.amount_cents, one.currency)}",
            one.stripe_payout_id,
        )
        for one in webhooks.arrivals(db.session(), item)
    ]
    return sorted(told, key=lambda event: event.at)


def _decision(action: str, reason: str | None) -> str:
    action = action.removeprefix("payout.")
    word = DECIDED.get(action, action)
    return f"{word}: {reason}" if reason else word
