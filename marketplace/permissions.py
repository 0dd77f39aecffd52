"""Who may do what, as data: every blueprint has an audience, and a request to one that has none is refused."""

import time
from dataclasses import dataclass
from enum import StrEnum

from flask import Flask, abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect
from werkzeug.datastructures import MultiDict

from marketplace import auth
from marketplace.config import Settings
from marketplace.errors import Forbidden, InvalidInput, TooManyRequests, Unauthorized
from marketplace.models import KeyMode, Role
from marketplace.throttle import Throttle


class Audience(StrEnum):
    PUBLIC = "public"  # anyone; forms still need a CSRF token
    MACHINE = "machine"  # anyone; the view itself verifies a signature
    CUSTOMER_KEY = "customer key"  # the customers' API
    LABELER = "labeler"  # `/labeler`: a bearer token, or a labeler's session with a CSRF token
    LABELER_PAGE = "labeler page"
    CUSTOMER_PAGE = "customer page"
    FINANCE_PAGE = "finance page"
    OPERATOR_PAGE = "operator page"
    REVIEWER_PAGE = "reviewer page"  # operators, and labelers who are reviewers


AUDIENCES: dict[str, Audience] = {
    "static": Audience.PUBLIC,
    "public": Audience.PUBLIC,  # front page, sign-in, sign-up, health
    "reference": Audience.PUBLIC,  # the APIs' reference page and OpenAPI document
    "media": Audience.MACHINE,  # signed links
    "stripe": Audience.MACHINE,  # signed webhooks
    "api": Audience.CUSTOMER_KEY,
    "labeler_api": Audience.LABELER,
    "labeler": Audience.LABELER_PAGE,
    "customer": Audience.CUSTOMER_PAGE,
    "finance": Audience.FINANCE_PAGE,
    "operator": Audience.OPERATOR_PAGE,
    "review": Audience.REVIEWER_PAGE,
}

PAGE_ROLES: dict[Audience, set[Role]] = {
    Audience.LABELER_PAGE: {Role.LABELER},
    Audience.CUSTOMER_PAGE: {Role.CUSTOMER},
    Audience.FINANCE_PAGE: {Role.FINANCE},
    Audience.OPERATOR_PAGE: {Role.OPERATOR},
    Audience.REVIEWER_PAGE: {Role.OPERATOR, Role.LABELER},
}

csrf = CSRFProtect()


def audience_of(endpoint: str) -> Audience | None:
    """The audience of an endpoint by its outermost blueprint (flask-smorest nests its own under `api.`)."""
    return AUDIENCES.get(endpoint.partition(".")[0])


@dataclass(frozen=True)
class LabelerLimits:
    """`/labeler` is counted apart, with no Redis on the path of a claim."""

    calls: Throttle  # by labeler
    wrong_tokens: Throttle  # by address


def init_permissions(app: Flask, settings: Settings) -> None:
    app.extensions["labeler_limits"] = LabelerLimits(
        Throttle(settings.rate_limit_labeler), Throttle(settings.rate_limit_wrong_tokens)
    )
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # checked here, only where a browser's session vouches
    csrf.init_app(app)
    app.before_request(_admit)


def _admit() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None  # no such route: the 404 is for everybody
    _refuse_unstorable()
    audience = audience_of(request.endpoint)
    if audience is None:
        raise Forbidden(f"{request.endpoint} has no audience")
    if audience is Audience.MACHINE or request.endpoint == "static":
        return None
    if audience is Audience.CUSTOMER_KEY:
        _admit_customer_key()
        return None
    if audience is Audience.LABELER:
        _admit_labeler()
        return None
    return _admit_browser(audience)


def _refuse_unstorable() -> None:
    """PostgreSQL has no NUL in a text: such a name cannot exist, and such a filter is malformed."""
    if "\x00" in request.path:
        abort(404)
    if request.query_string:
        _refuse_nul(request.args)


def _refuse_nul(given: MultiDict[str, str]) -> None:
    for name, text in given.items(multi=True):
        if "\x00" in name or "\x00" in text:
            raise InvalidInput("A parameter holds the character NUL.", name.replace("\x00", ""))


def _admit_customer_key() -> None:
    key = auth.api_key_from_request()
    g.customer, g.mode, g.api_key_id = key.customer, key.mode, key.id


def _admit_labeler() -> None:
    limits: LabelerLimits = current_app.extensions["labeler_limits"]
    now = time.monotonic()
    token = auth.bearer_token()
    labeler_id = _labeler_id_from_token(token, limits, now) if token else _labeler_id_from_session()
    wait_seconds = limits.calls.count(labeler_id, now)
    if wait_seconds > 0:
        raise TooManyRequests("Too many requests by this labeler; please slow down.", wait_seconds)
    g.labeler_id = labeler_id


def _labeler_id_from_token(token: str, limits: LabelerLimits, now: float) -> str:
    """Whoever has tried many wrong tokens has to wait before the next one is even looked at."""
    address = request.remote_addr or "unknown"
    wait_seconds = limits.wrong_tokens.wait_seconds(address, now)
    if wait_seconds > 0:
        raise TooManyRequests("Too many wrong tokens from this address; please wait.", wait_seconds)
    labeler_id = auth.labeler_id_of_token(token)
    if labeler_id is None:
        limits.wrong_tokens.count(address, now)
        raise Unauthorized("This labeler's token is not valid.")
    return labeler_id


def _labeler_id_from_session() -> str:
    user = auth.user_from_session()
    if user is None or user.labeler_id is None:
        raise Unauthorized("A labeler's token or session is needed.")
    csrf.protect()
    return user.labeler_id


def _admit_browser(audience: Audience) -> ResponseReturnValue | None:
    g.user = user = auth.user_from_session()
    if audience is not Audience.PUBLIC:
        if user is None:
            return redirect(url_for("public.signin", next=request.path if request.method == "GET" else None))
        if user.role not in PAGE_ROLES[audience]:
            raise Forbidden("This page belongs to another role.")
        if audience is Audience.REVIEWER_PAGE and user.labeler is not None and not user.labeler.reviewer:
            raise Forbidden("This page is for reviewers.")
        g.mode, g.customer, g.labeler_id = KeyMode.LIVE, user.customer, user.labeler_id
    csrf.protect()
    _refuse_nul(request.form)  # a program's body is read, and checked, by its view
    return None
