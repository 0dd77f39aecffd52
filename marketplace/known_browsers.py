"""Whose guesses at a password are counted together: those of a browser that signed in before, or everybody else's.

Guesses from many addresses at one account pass below a limit per address, so failures are counted per account, too. A
limit per account alone would let any stranger lock its owner out. Therefore a browser that has signed in to an account
carries a signed cookie, and its failures are counted by themselves (OWASP, "Slow Down Online Guessing Attacks with
Device Cookies"): a stranger's guesses stop strangers, and only for the span of the limit.
"""

import secrets
from datetime import timedelta
from typing import Any

from flask import Response, current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

from marketplace import auth
from marketplace.models import User

COOKIE = "labelyard_browser"
LIFETIME = timedelta(days=180)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="a browser that signed in")


def _account(email: str) -> str:
    return auth.digest(email.strip().lower())


def remember(user: User, response: Response) -> None:
    """Let this browser's failures with this account be counted by themselves from now on."""
    value = _signer().dumps([_account(user.email), secrets.token_hex(8)])
    response.set_cookie(
        COOKIE,
        value,
        max_age=int(LIFETIME.total_seconds()),
        httponly=True,
        secure=auth.settings().secure_cookies,
        samesite="Lax",
    )


def counted_with() -> str:
    """The key under which a try to sign in counts. An address without an account has one as well: it tells nothing."""
    account = _account(request.form.get("email", ""))
    try:
        known: Any = _signer().loads(request.cookies.get(COOKIE, ""), max_age=int(LIFETIME.total_seconds()))
    except BadData:
        known = None
    return f"browser:{known[1]}" if known and known[0] == account else f"account:{account}"
