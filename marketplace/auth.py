"""Who is calling: passwords, browser sessions, customers' API keys and labelers' tokens."""

import base64
import binascii
import hashlib
import secrets
from datetime import timedelta
from functools import cache
from typing import cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from flask import Response, current_app, g, request, session
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.orm.util import identity_key

from marketplace.clock import utc_now
from marketplace.config import Settings
from marketplace.db import db, fetch_rows
from marketplace.errors import Unauthorized
from marketplace.models import ApiKey, Customer, KeyMode, Labeler, LabelerToken, User, UserSession

SESSION_COOKIE = "labelyard_session"
_hasher = PasswordHasher()


def settings() -> Settings:
    return cast(Settings, current_app.config["SETTINGS"])


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


# Passwords and browser sessions


def hash_password(password: str) -> str:
    return _hasher.hash(password)


@cache
def _nobody() -> str:
    """Verified against when the e-mail is unknown, so that the time does not tell whether an account exists."""
    return _hasher.hash(secrets.token_hex(16))


def check_password(email: str, password: str) -> User | None:
    user = db.session.scalar(select(User).where(func.lower(User.email) == email.strip().lower()))
    try:
        _hasher.verify(user.password_hash if user else _nobody(), password)
    except (VerifyMismatchError, InvalidHashError):
        return None
    return user


def sign_in(user: User, response: Response) -> None:
    """Start a fresh session: a new token and a new CSRF secret, so that nothing planted before sign-in survives it."""
    sign_out(response)
    token = secrets.token_urlsafe(32)
    lifetime = timedelta(days=settings().session_days)
    db.session.add(UserSession(token_hash=digest(token), user_id=user.id, expires_at=utc_now() + lifetime))
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(lifetime.total_seconds()),
        httponly=True,
        secure=settings().secure_cookies,
        samesite="Lax",
    )


def sign_out(response: Response) -> None:
    session.clear()
    g.pop("csrf_token", None)  # else a form made in what is left of this request would carry the old secret
    token = request.cookies.get(SESSION_COOKIE)
    if token:
        db.session.execute(delete(UserSession).where(UserSession.token_hash == digest(token)))
    response.delete_cookie(SESSION_COOKIE)


def user_from_session() -> User | None:
    token = request.cookies.get(SESSION_COOKIE)
    if not token:
        return None
    held = db.session.get(UserSession, digest(token))
    if held is None or held.expires_at <= utc_now():
        return None
    return held.user


# Customers' API keys


def new_api_key(customer: Customer, mode: KeyMode, name: str = "") -> str:
    """Make a key and return it; it cannot be shown again."""
    key = f"{mode}_{secrets.token_hex(16)}"
    hint = f"{key[:9]}...{key[-4:]}"
    db.session.add(ApiKey(customer_id=customer.id, mode=mode, name=name, key_hash=digest(key), hint=hint))
    return key


def api_key_from_request() -> ApiKey:
    """HTTP Basic with the key as user name, or Bearer; both work, as the contract's clients differ."""
    key = _presented_key()
    if not key:
        raise Unauthorized("An API key is needed: HTTP Basic with the key as user name, or a Bearer token.")
    held = db.session.scalar(select(ApiKey).where(ApiKey.key_hash == digest(key), ApiKey.revoked_at.is_(None)))
    if held is None:
        raise Unauthorized("This API key is not valid.")
    now = utc_now()
    if held.last_used_at is None or now - held.last_used_at > timedelta(minutes=5):  # no write on every request
        db.session.execute(update(ApiKey).where(ApiKey.id == held.id).values(last_used_at=now))
    return held


def _presented_key() -> str | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


# Labelers' tokens


def new_labeler_token(labeler: Labeler) -> str:
    token = f"labeler_{secrets.token_hex(20)}"
    db.session.add(LabelerToken(token_hash=digest(token), labeler_id=labeler.id))
    return token


_LABELER_OF = "SELECT labeler_id FROM labeler_token WHERE token_hash = %(token_hash)s AND revoked_at IS NULL"


def bearer_token() -> str | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def labeler_id_of_token(token: str) -> str | None:
    """By the driver alone, as every claim begins with it."""
    rows = fetch_rows(_LABELER_OF, {"token_hash": digest(token)})
    return rows[0][0] if rows else None


# Who the request is by, once `permissions` has let it in


def current_user() -> User:
    return cast(User, g.user)


def current_labeler() -> Labeler:
    return _labeler_of_id(g.labeler_id)


def _labeler_of_id(labeler_id: str) -> Labeler:
    """Most calls need no more of her than the id: the rest is loaded when asked."""
    labeler = db.session().identity_map.get(identity_key(Labeler, labeler_id))
    if labeler is None:
        labeler = Labeler(id=labeler_id)
        make_transient_to_detached(labeler)
        db.session.add(labeler)
    return labeler


def current_labeler_id() -> str:
    """Enough to claim with, and known without a look at her row."""
    return cast(str, g.labeler_id)


def current_customer() -> Customer:
    return cast(Customer, g.customer)


def current_mode() -> KeyMode:
    """Live or test; the pages show the live world."""
    return cast(KeyMode, g.get("mode", KeyMode.LIVE))
