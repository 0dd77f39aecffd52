"""Stripe as a payment rail: the only file that imports its SDK, and turns its errors into what they mean for money."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import stripe

from payouts.errors import BadSignature
from payouts.rail import (
    AccountStatus,
    Answer,
    BalanceTransaction,
    BankPayout,
    Event,
    NotThere,
    Outcome,
    RailDown,
    Reversal,
    SeenTransfer,
)

TIMEOUT_SECONDS = 20
READ_RETRIES = 2
PAGE = 100
PAGES_MAX = 1_000

T = TypeVar("T")


class StripeGateway:
    """Stripe's API by the official client; `api_base` leads it to another address, such as the tests' fake.

    `webhook_secret` may be several, joined by commas.
    """

    def __init__(self, api_key: str, *, webhook_secret: str = "", api_base: str = "") -> None:
        self._webhook_secret = webhook_secret
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base} if api_base else None,
            max_network_retries=READ_RETRIES,
            http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
        )

    # Transfers

    def transfer(self, params: Mapping[str, Any], *, key: str) -> Outcome:
        """Send money under our key. Our attempt protocol tries again, so the client itself does not."""
        options = {"idempotency_key": key, "max_network_retries": 0}
        try:
            made = self._client.v1.transfers.create(params=dict(params), options=options)  # type: ignore[arg-type]
        except stripe.StripeError as error:
            return classify(error)
        replayed = made.last_response is not None and "idempotent-replayed" in made.last_response.headers
        return Outcome(Answer.CONFIRMED, transfer_id=made.id, replayed=replayed)

    def find_transfers(self, group: str) -> list[SeenTransfer]:
        found = _ask(lambda: self._client.v1.transfers.list({"transfer_group": group, "limit": PAGE}))
        return [_seen(transfer) for transfer in found.data]

    def read_transfer(self, transfer_id: str) -> SeenTransfer:
        return _seen(_ask(lambda: self._client.v1.transfers.retrieve(transfer_id)))

    # Labelers' accounts

    def open_account(self, labeler_id: str, *, country: str, email: str) -> AccountStatus:
        """An account that receives transfers only; Stripe collects the details and shows its own small dashboard."""
        params: dict[str, Any] = {
            "country": country,
            "email": email,
            "controller": {
                "stripe_dashboard": {"type": "express"},
                "losses": {"payments": "application"},
                "fees": {"payer": "application"},
                "requirement_collection": "stripe",
            },
            "capabilities": {"transfers": {"requested": True}},
            "metadata": {"labeler": labeler_id},
        }
        if country != "US":  # cannot be changed once accepted: a foreign `full` account could not withdraw
            params["tos_acceptance"] = {"service_agreement": "recipient"}
        options = {"idempotency_key": f"account_{labeler_id}"}
        made = _ask(lambda: self._client.v1.accounts.create(params=params, options=options))  # type: ignore[arg-type]
        return _account(made)

    def onboarding_url(self, account_id: str, *, return_url: str, refresh_url: str) -> str:
        """A short-lived address where the labeler gives Stripe the details; made at the click, never e-mailed."""
        link = _ask(
            lambda: self._client.v1.account_links.create(
                {
                    "account": account_id,
                    "type": "account_onboarding",
                    "return_url": return_url,
                    "refresh_url": refresh_url,
                }
            )
        )
        return str(link.url)

    def read_account(self, account_id: str) -> AccountStatus:
        return _account(_ask(lambda: self._client.v1.accounts.retrieve(account_id)))

    def read_bank_payout(self, payout_id: str, account_id: str) -> BankPayout:
        found = _ask(lambda: self._client.v1.payouts.retrieve(payout_id, options={"stripe_account": account_id}))
        return BankPayout(
            id=found.id,
            account_id=account_id,
            amount_cents=found.amount,
            currency=found.currency.upper(),
            status=found.status,
            failure_code=found.failure_code,
            arrives_at=_time(found.arrival_date) if found.arrival_date else None,
        )

    # Our balance

    def available_cents(self, currency: str) -> int:
        balance = _ask(self._client.v1.balance.retrieve)
        return sum(funds.amount for funds in balance.available if funds.currency.upper() == currency)

    def balance_transactions(self, since: datetime) -> Iterator[BalanceTransaction]:
        """Everything that moved our balance since then, newest first."""
        after: str | None = None
        for _ in range(PAGES_MAX):
            params: dict[str, Any] = {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
            if after:
                params["starting_after"] = after
            page = _ask(lambda asked=params: self._client.v1.balance_transactions.list(asked))  # type: ignore[misc]
            for row in page.data:
                source = row.source if isinstance(row.source, str) else getattr(row.source, "id", None)
                yield BalanceTransaction(
                    id=row.id,
                    source_id=source or row.id,
                    type=row.type,
                    net_cents=row.net,
                    currency=row.currency.upper(),
                    created_at=_time(row.created),
                )
            if not page.has_more:
                return
            after = page.data[-1].id

    # Webhooks

    def verify(self, body: bytes, signature: str) -> Event:
        """The event of a webhook that Stripe signed less than five minutes ago; raises BadSignature."""
        event = self._verified(body, signature)
        payload = event.to_dict()
        return Event(
            id=event.id,
            type=event.type,
            account=payload.get("account"),
            object_id=str(payload.get("data", {}).get("object", {}).get("id", "")),
            payload=payload,
        )

    def _verified(self, body: bytes, signature: str) -> Any:
        """Stripe has one endpoint for our own events and one for labelers' accounts, each with its secret."""
        refusal = "no webhook secret is set"
        for secret in filter(None, map(str.strip, self._webhook_secret.split(","))):
            try:
                return self._client.construct_event(body, signature, secret)
            except (stripe.SignatureVerificationError, ValueError) as error:
                refusal = str(error)
        raise BadSignature(refusal)


# Stripe has read the request and did not do it. IdempotencyError is none of them: it is about another request.
DEFINITE = (stripe.InvalidRequestError, stripe.CardError, stripe.AuthenticationError, stripe.PermissionError)


def classify(error: stripe.StripeError) -> Outcome:
    """What an error means for the money: the table of the attempt protocol."""
    answer = Answer.UNKNOWN
    if isinstance(error, stripe.IdempotencyError):
        answer = Answer.BROKEN
    if error.http_status in (409, 429):
        answer = Answer.BUSY
    elif isinstance(error, DEFINITE):
        answer = Answer.REJECTED
    return Outcome(
        answer,
        code=error.code,
        message=_message(error),
        request_id=error.request_id,
        replayed="idempotent-replayed" in {name.lower() for name in error.headers or {}},
        not_let_in=error.http_status in (401, 403),
    )


def _message(error: stripe.StripeError) -> str:
    """What to show people; the client's own words about a broken connection are many, and help nobody."""
    if isinstance(error, stripe.APIConnectionError):
        return "The connection to Stripe broke before it answered."
    return error.user_message or str(error)


def _ask(call: Callable[[], T]) -> T:
    """A call that moves no money: whatever goes wrong, nothing is lost by asking again later."""
    try:
        return call()
    except stripe.StripeError as error:
        kind = NotThere if error.http_status == 404 else RailDown
        raise kind(_message(error)) from error


def _seen(transfer: Any) -> SeenTransfer:
    metadata = transfer.metadata.to_dict() if transfer.metadata else {}
    reversals = transfer.reversals.data if transfer.reversals else []
    destination = transfer.destination if isinstance(transfer.destination, str) else transfer.destination.id
    return SeenTransfer(
        id=transfer.id,
        amount_cents=transfer.amount,
        currency=transfer.currency.upper(),
        destination=destination,
        group=transfer.transfer_group,
        attempt_id=metadata.get("attempt"),
        reversals=tuple(Reversal(reversal.id, reversal.amount) for reversal in reversals),
    )


def _account(account: Any) -> AccountStatus:
    seen = account.to_dict()
    requirements = seen.get("requirements") or {}
    return AccountStatus(
        account_id=account.id,
        transfers_active=(seen.get("capabilities") or {}).get("transfers") == "active",
        payouts_enabled=bool(seen.get("payouts_enabled")),
        currently_due=tuple(requirements.get("currently_due") or ()),
        disabled_reason=requirements.get("disabled_reason"),
    )


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
