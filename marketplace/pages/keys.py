"""A customer's API keys, and where callbacks go and how they are signed."""

import secrets

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError, validate
from sqlalchemy import select

from marketplace import decisions
from marketplace.auth import current_customer, current_user, new_api_key
from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.errors import NotFound
from marketplace.models import ApiKey, KeyMode

blueprint = Blueprint("keys", __name__)
URL_CHARACTERS_MAX = 2_000
NAME_CHARACTERS_MAX = 100
_is_url = validate.URL(schemes={"http", "https"}, require_tld=False)


@blueprint.get("/keys")
def show() -> ResponseReturnValue:
    return _page()


def _page(**more: object) -> str:
    keys = db.session.scalars(
        select(ApiKey).where(ApiKey.customer_id == current_customer().id).order_by(ApiKey.created_at.desc())
    ).all()
    shown: dict[str, object] = {"keys": keys, "customer": current_customer(), "values": {}, "errors": {}}
    return render_template("customer/keys.html", **(shown | more))


@blueprint.post("/keys")
def make() -> ResponseReturnValue:
    """The new key stands on the answer itself: it is kept nowhere, so there is no page to come back to."""
    mode = KeyMode.TEST if request.form.get("mode") == "test" else KeyMode.LIVE
    name = request.form.get("name", "").strip()
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX:
        errors = {"name": f"Please name what the key is for, in at most {NAME_CHARACTERS_MAX} characters."}
        return _page(values=request.form, errors=errors), 400
    new_key = new_api_key(current_customer(), mode, name=name)
    db.session.flush()
    decisions.record(current_user(), "key.make", current_customer().id, name=name, mode=mode.value)
    return _page(new_key=new_key, new_mode=mode.value)


@blueprint.post("/keys/<key_id>/revoke")
def revoke(key_id: str) -> ResponseReturnValue:
    key = db.session.get(ApiKey, key_id)
    if key is None or key.customer_id != current_customer().id:
        raise NotFound("You have no key with this id.")
    key.revoked_at = key.revoked_at or utc_now()
    decisions.record(current_user(), "key.revoke", current_customer().id, name=key.name, hint=key.hint)
    flash(f"The key {key.hint} is revoked: requests with it are refused from now on.")
    return redirect(url_for("customer.keys.show"))


@blueprint.post("/keys/callback-url")
def callback_url() -> ResponseReturnValue:
    url = request.form.get("callback_url", "").strip()
    try:
        if url:
            _is_url(url)
            validate.Length(max=URL_CHARACTERS_MAX)(url)
    except ValidationError:
        errors = {"callback_url": "This is not an http or https address."}
        return _page(values=request.form, errors=errors), 400
    current_customer().callback_url = url or None
    flash("Callbacks of tasks that name no URL go there." if url else "Tasks that name no URL have no callback now.")
    return redirect(url_for("customer.keys.show"))


@blueprint.post("/keys/signing-secret")
def renew_signing_secret() -> ResponseReturnValue:
    current_customer().signing_secret = f"whsec_{secrets.token_hex(24)}"
    decisions.record(current_user(), "signing_secret.renew", current_customer().id)
    flash("Callbacks are signed with the new secret from now on.", "warn")
    return redirect(url_for("customer.keys.show"))
