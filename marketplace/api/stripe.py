"""POST /webhooks/stripe: events are verified and stored here; a job applies them."""

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from marketplace.errors import InvalidInput, NotFound, TooLarge
from marketplace.pipeline import settle
from payouts.errors import BadSignature

blueprint = Blueprint("stripe", __name__, url_prefix="/webhooks")

EVENT_BYTES_MAX = 512 * 1024


@blueprint.post("/stripe")
def receive() -> ResponseReturnValue:
    """Answer as soon as the event is stored: Stripe sends again whatever is not answered quickly."""
    if request.content_length is None or request.content_length > EVENT_BYTES_MAX:
        raise TooLarge(f"An event has at most {EVENT_BYTES_MAX:,} bytes.")
    try:
        is_kept = settle.keep_event(request.get_data(), request.headers.get("Stripe-Signature", ""))
    except BadSignature as error:
        raise InvalidInput("The signature is not Stripe's.", "Stripe-Signature") from error
    if not is_kept:
        raise NotFound("Stripe is not set up here.")
    return jsonify(received=True)
