"""The fake's HTTP side: Stripe's routes, its idempotency keys, and faults on command."""

import hashlib
import hmac
import json
import re
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from stripe.params._account_create_params import AccountCreateParams
from stripe.params._account_link_create_params import AccountLinkCreateParams
from stripe.params._transfer_create_params import TransferCreateParams
from stripe.params._transfer_create_reversal_params import TransferCreateReversalParams

from tests.fake_stripe.state import Refused, State, invalid, nothing, page

KEY_LIFE_SECONDS = 24 * 3600
# What may be sent where: the official client's own parameter types.
PARAMS = {
    "/v1/accounts": AccountCreateParams,
    "/v1/account_links": AccountLinkCreateParams,
    "/v1/transfers": TransferCreateParams,
    "/v1/transfers/:id/reversals": TransferCreateReversalParams,
}


class Dropped(Exception):
    """The connection breaks here."""


class FakeStripe:
    def __init__(self, state: State, key: str) -> None:
        self.state, self.key = state, key
        self.lock = threading.Lock()
        self.in_use: set[str] = set()
        self.faults: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []

    # One call

    def answer(
        self, method: str, path: str, params: dict[str, Any], headers: dict[str, str]
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        with self.lock:
            self.calls.append({"method": method, "path": path, "key": headers.get("idempotency-key")})
            fault = self._take_fault(method, path)
        if fault == "drop_before":
            raise Dropped
        if fault == "429":
            return 429, {"error": {"type": "rate_limit_error", "code": "rate_limit", "message": "Too many"}}, {}
        if fault == "401" or headers.get("authorization") != f"Bearer {self.key}":
            return 401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}, {}
        if method == "POST":
            status, body, extra = self._post(path, params, headers, fault)
        else:
            status, body, extra = self._run(lambda: self._get(path, params, headers))
        if fault == "drop_after":
            raise Dropped
        if fault and fault.startswith("slow"):
            time.sleep(float(fault.split(":")[1]))
        return status, body, extra

    def _take_fault(self, method: str, path: str) -> str | None:
        for fault in self.faults:
            if fault["method"] == method and re.fullmatch(fault["path"], path):
                fault["times"] -= 1
                if fault["times"] <= 0:
                    self.faults.remove(fault)
                return str(fault["fault"])
        return None

    def _post(
        self, path: str, params: dict[str, Any], headers: dict[str, str], fault: str | None
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        key = headers.get("idempotency-key")
        fingerprint = hashlib.sha256(json.dumps([path, params], sort_keys=True).encode()).hexdigest()
        with self.lock:
            known = self.state.data["keys"].get(key)
            if known and self.state.now() - known["created"] >= KEY_LIFE_SECONDS:
                known = None
            if known and known["fingerprint"] != fingerprint:
                message = (
                    "Keys for idempotent requests can only be used with the same parameters they were first used with."
                )
                return 400, {"error": {"type": "idempotency_error", "message": message}}, {}
            if known:
                return known["status"], known["body"], {"Idempotent-Replayed": "true"}
            if fault == "409" or (key and key in self.in_use):
                error = {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": "Key in use"}
                return 409, {"error": error}, {}
            if key:
                self.in_use.add(key)
        try:
            if fault and fault.startswith("busy"):  # slow before the commit, with the key in use meanwhile
                time.sleep(float(fault.split(":")[1]))
            with self.lock:
                return self._execute(path, params, key, fingerprint, fault)
        finally:
            self.in_use.discard(key or "")

    def _execute(
        self, path: str, params: dict[str, Any], key: str | None, fingerprint: str, fault: str | None
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        stored = True
        try:
            self._check(path, params)
            status, body = (200, self._do(path, params)) if fault != "500_before" else (500, {})
        except Refused as refused:
            status, body, stored = refused.status, refused.body, refused.stored
        if fault in ("500_before", "500_after"):
            status, body = 500, {"error": {"type": "api_error", "message": "An unknown error occurred"}}
        if key and stored:
            entry = {"fingerprint": fingerprint, "status": status, "body": body, "created": self.state.now()}
            self.state.data["keys"][key] = entry
        self.state.save()
        return status, body, {}

    def _check(self, path: str, params: dict[str, Any]) -> None:
        kind = PARAMS.get(re.sub(r"(?<=/transfers/)[^/]+", ":id", path))
        if kind is None:
            return
        for name in params:
            if name not in kind.__annotations__:
                raise invalid("parameter_unknown", f"Received unknown parameter: {name}")
        for name in kind.__required_keys__:
            if name not in params:
                raise invalid("parameter_missing", f"Missing required param: {name}.")

    def _do(self, path: str, params: dict[str, Any]) -> dict[str, Any]:
        if path == "/v1/accounts":
            return self.state.create_account(params)
        if path == "/v1/account_links":
            return self.state.account_link(params)
        if path == "/v1/transfers":
            return self.state.create_transfer(params)
        found = re.fullmatch(r"/v1/transfers/([^/]+)/reversals", path)
        if found:
            return self.state.reverse_transfer(found[1], params)
        raise Refused(404, "invalid_request_error", None, f"Unrecognized request URL (POST: {path})")

    def _get(self, path: str, params: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        data = self.state.data
        kind, _, thing = path.removeprefix("/v1/").partition("/")
        if kind == "balance" and not thing:
            funds = [{"amount": amount, "currency": currency} for currency, amount in data["available"].items()]
            return {"object": "balance", "available": funds, "pending": [], "livemode": False}
        if kind == "accounts":
            return self.state.account(thing)
        if kind == "payouts":
            return self.state.payout(thing, headers.get("stripe-account"))
        if kind == "transfers" and thing:
            return self.state.transfer(thing)
        if kind == "transfers":
            group = params.get("transfer_group")
            rows = [row for row in data["transfers"].values() if group is None or row["transfer_group"] == group]
            return page(rows, params, path)
        if kind == "balance_transactions":
            since = int(params.get("created", {}).get("gte", 0))
            return page([row for row in data["balance_transactions"] if row["created"] >= since], params, path)
        raise Refused(404, "invalid_request_error", None, f"Unrecognized request URL (GET: {path})")

    def _run(self, call: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        with self.lock:
            try:
                return 200, call(), {}
            except Refused as refused:
                return refused.status, refused.body, {}

    # What tests command

    def control(self, action: str, asked: dict[str, Any]) -> Any:
        if action == "deliver":
            return self._deliver(asked["url"], asked["secret"], asked.get("events", []), asked.get("age", 0))
        with self.lock:
            result = self._command(action, asked)
            self.state.save()
            return result

    def _command(self, action: str, asked: dict[str, Any]) -> Any:
        state = self.state
        if action == "fault":
            self.faults.append({"method": "POST", "path": "/v1/transfers", "times": 1} | asked)
        elif action == "reset":
            state.data = nothing()
            self.faults.clear()
            self.calls.clear()
        elif action == "clock":
            state.data["clock_offset"] += asked["advance_seconds"]
        elif action == "top_up":
            return {"id": state.move_balance("topup", asked["id"], asked["amount"], asked.get("currency", "usd"))}
        elif action == "account":
            state.set_account(
                asked["id"], transfers=asked["transfers"], payouts=asked["payouts"], reason=asked.get("reason")
            )
        elif action == "close_account":
            del state.data["accounts"][asked["id"]]
        elif action == "payout":
            return state.set_payout(asked["account"], asked.get("id"), asked["amount"], asked["status"])
        elif action == "look":
            return state.data | {"calls": self.calls}
        else:
            raise Refused(404, "invalid_request_error", None, f"no such command: {action}")
        return {}

    def _deliver(self, url: str, secret: str, event_ids: list[str], age: int) -> list[int]:
        """POST events, signed, in the order asked for (all, in their order, if none is named); the statuses."""
        known = {event["id"]: event for event in self.state.data["events"]}
        statuses = []
        for event_id in event_ids or list(known):
            body = json.dumps(known[event_id]).encode()
            stamp = int(time.time()) - age
            digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
            headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={stamp},v1={digest}"}
            request = urllib.request.Request(url, body, headers)
            try:
                with urllib.request.urlopen(request, timeout=10) as reply:
                    statuses.append(reply.status)
            except urllib.error.HTTPError as refused:
                statuses.append(refused.code)
        return statuses


def nest(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """`a[b][c]=1` as {"a": {"b": {"c": "1"}}}: how Stripe's client writes its parameters."""
    result: dict[str, Any] = {}
    for name, value in pairs:
        parts = re.findall(r"[^\[\]]+", name)
        place = result
        for part in parts[:-1]:
            place = place.setdefault(part, {})
        place[parts[-1]] = value
    return result


def serve(fake: FakeStripe, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # header and body in one packet: two cost 40 ms a call
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._handle("GET")

        def do_POST(self) -> None:
            self._handle("POST")

        def _handle(self, method: str) -> None:
            address = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            extra: dict[str, str] = {}
            try:
                if address.path.startswith("/_control/"):
                    asked = json.loads(raw or b"{}")
                    status, body = 200, fake.control(address.path.removeprefix("/_control/"), asked)
                else:
                    params = nest(parse_qsl(raw.decode() if method == "POST" else address.query))
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    status, body, extra = fake.answer(method, address.path, params, headers)
            except Refused as refused:
                status, body = refused.status, refused.body
            except Dropped:
                self.close_connection = True
                return
            payload = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Request-Id": "req_fake", **extra}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)
