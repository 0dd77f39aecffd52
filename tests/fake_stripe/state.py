"""What the fake knows, kept in a file so that Stripe's truth outlives every process of a test."""

import json
import time
from pathlib import Path
from typing import Any


class Refused(Exception):
    """An error as Stripe gives it; `stored` errors are executed ones, which the idempotency key replays."""

    def __init__(self, status: int, kind: str, code: str | None, message: str, *, stored: bool = False) -> None:
        super().__init__(message)
        self.status, self.stored = status, stored
        self.body = {"error": {"type": kind, "code": code, "message": message}}


def invalid(code: str | None, message: str, *, stored: bool = False) -> Refused:
    return Refused(400, "invalid_request_error", code, message, stored=stored)


def nothing() -> dict[str, Any]:
    return {
        "clock_offset": 0,
        "counter": 0,
        "available": {},
        "accounts": {},
        "transfers": {},
        "payouts": {},
        "balance_transactions": [],
        "events": [],
        "keys": {},
    }


class State:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = json.loads(path.read_text()) if path.exists() else nothing()

    def save(self) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.data))
        new.replace(self.path)

    def now(self) -> int:
        return int(time.time()) + int(self.data["clock_offset"])

    def new_id(self, prefix: str) -> str:
        self.data["counter"] += 1
        return f"{prefix}_{self.data['counter']:08d}"

    def event(self, kind: str, thing: dict[str, Any], account: str | None = None) -> None:
        event = {
            "id": self.new_id("evt"),
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": self.now(),
            "type": kind,
            "livemode": False,
            "pending_webhooks": 1,
            "data": {"object": thing},
        }
        self.data["events"].append(event | ({"account": account} if account else {}))

    def move_balance(self, kind: str, source: str, amount: int, currency: str) -> str:
        available = self.data["available"]
        available[currency] = available.get(currency, 0) + amount
        row = {
            "id": self.new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "net": amount,
            "fee": 0,
            "currency": currency,
            "type": kind,
            "source": source,
            "status": "available",
            "created": self.now(),
            "available_on": self.now(),
        }
        self.data["balance_transactions"].append(row)
        return str(row["id"])

    # Accounts

    def create_account(self, params: dict[str, Any]) -> dict[str, Any]:
        controller = params.get("controller", {})
        if controller.get("losses", {}).get("payments") == "application" and (
            controller.get("fees", {}).get("payer") != "application"
        ):
            raise invalid("parameter_invalid", "losses.payments=application needs fees.payer=application")
        account = {
            "id": self.new_id("acct"),
            "object": "account",
            "country": params.get("country", "US"),
            "email": params.get("email"),
            "controller": controller,
            "capabilities": dict.fromkeys(params.get("capabilities", {}), "inactive"),
            "payouts_enabled": False,
            "charges_enabled": False,
            "details_submitted": False,
            "metadata": params.get("metadata", {}),
            "tos_acceptance": params.get("tos_acceptance", {}),
            "requirements": {"currently_due": ["individual.first_name", "external_account"], "disabled_reason": None},
            "created": self.now(),
        }
        self.data["accounts"][account["id"]] = account
        return account

    def account(self, account_id: str) -> dict[str, Any]:
        if account_id not in self.data["accounts"]:
            raise Refused(404, "invalid_request_error", "resource_missing", f"No such account: '{account_id}'")
        return dict(self.data["accounts"][account_id])

    def set_account(self, account_id: str, *, transfers: str, payouts: bool, reason: str | None) -> None:
        account = self.data["accounts"][account_id]
        account["capabilities"]["transfers"] = transfers
        account["payouts_enabled"] = payouts
        account["requirements"] = {"currently_due": [] if payouts else ["external_account"], "disabled_reason": reason}
        self.event("account.updated", account, account_id)

    def account_link(self, params: dict[str, Any]) -> dict[str, Any]:
        self.account(params["account"])
        url = f"https://connect.stripe.example/setup/{self.new_id('link')}"
        return {"object": "account_link", "created": self.now(), "expires_at": self.now() + 300, "url": url}

    # Transfers

    def create_transfer(self, params: dict[str, Any]) -> dict[str, Any]:
        amount, currency, destination = int(params["amount"]), params["currency"], params["destination"]
        if amount <= 0:
            raise invalid("parameter_invalid_integer", "This value must be greater than or equal to 1.")
        account = self.data["accounts"].get(destination)
        if account is None:
            raise invalid("resource_missing", f"No such destination: '{destination}'", stored=True)
        if account["capabilities"].get("transfers") != "active":
            raise invalid(
                "insufficient_capabilities_for_transfer",
                "Your destination account needs to have at least one of the following capabilities enabled: transfers",
                stored=True,
            )
        if self.data["available"].get(currency, 0) < amount:
            raise invalid(
                "balance_insufficient", "You have insufficient available funds in your Stripe account.", stored=True
            )
        transfer_id = self.new_id("tr")
        transfer = {
            "id": transfer_id,
            "object": "transfer",
            "amount": amount,
            "amount_reversed": 0,
            "reversed": False,
            "currency": currency,
            "destination": destination,
            "transfer_group": params.get("transfer_group"),
            "metadata": params.get("metadata", {}),
            "balance_transaction": self.move_balance("transfer", transfer_id, -amount, currency),
            "reversals": {
                "object": "list",
                "data": [],
                "has_more": False,
                "url": f"/v1/transfers/{transfer_id}/reversals",
            },
            "created": self.now(),
        }
        self.data["transfers"][transfer_id] = transfer
        self.event("transfer.created", transfer)
        return transfer

    def transfer(self, transfer_id: str) -> dict[str, Any]:
        if transfer_id not in self.data["transfers"]:
            raise Refused(404, "invalid_request_error", "resource_missing", f"No such transfer: '{transfer_id}'")
        return dict(self.data["transfers"][transfer_id])

    def reverse_transfer(self, transfer_id: str, params: dict[str, Any]) -> dict[str, Any]:
        self.transfer(transfer_id)
        transfer = self.data["transfers"][transfer_id]
        left = transfer["amount"] - transfer["amount_reversed"]
        amount = int(params.get("amount", left))
        if not 0 < amount <= left:
            raise invalid("parameter_invalid_integer", f"The transfer has {left} left to reverse.")
        reversal_id = self.new_id("trr")
        reversal = {
            "id": reversal_id,
            "object": "transfer_reversal",
            "amount": amount,
            "currency": transfer["currency"],
            "transfer": transfer_id,
            "balance_transaction": self.move_balance("transfer_refund", reversal_id, amount, transfer["currency"]),
            "created": self.now(),
        }
        transfer["amount_reversed"] += amount
        transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
        transfer["reversals"]["data"].insert(0, reversal)
        self.event("transfer.reversed", transfer)
        return reversal

    # Payouts of connected accounts

    def set_payout(self, account_id: str, payout_id: str | None, amount: int, status: str) -> dict[str, Any]:
        payout_id = payout_id or self.new_id("po")
        payout = self.data["payouts"].setdefault(
            payout_id, {"id": payout_id, "object": "payout", "account": account_id}
        )
        payout |= {"amount": amount, "currency": "usd", "status": status, "arrival_date": self.now() + 86_400}
        payout["failure_code"] = "account_closed" if status == "failed" else None
        self.data["payouts"][payout_id] = payout
        shown = {name: value for name, value in payout.items() if name != "account"}
        self.event(f"payout.{'updated' if status in ('pending', 'in_transit') else status}", shown, account_id)
        return payout

    def payout(self, payout_id: str, account_id: str | None) -> dict[str, Any]:
        payout = self.data["payouts"].get(payout_id)
        if payout is None or payout["account"] != account_id:
            raise Refused(404, "invalid_request_error", "resource_missing", f"No such payout: '{payout_id}'")
        return {name: value for name, value in payout.items() if name != "account"}


def page(rows: list[dict[str, Any]], params: dict[str, Any], url: str) -> dict[str, Any]:
    """Stripe's cursor pagination, newest first."""
    newest_first = list(reversed(rows))
    if params.get("starting_after"):
        ids = [row["id"] for row in newest_first]
        newest_first = newest_first[ids.index(params["starting_after"]) + 1 :]
    limit = int(params.get("limit", 10))
    return {"object": "list", "url": url, "data": newest_first[:limit], "has_more": len(newest_first) > limit}
