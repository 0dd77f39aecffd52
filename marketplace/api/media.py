"""/media: blobs from storage for whoever holds a signed link, served so that none of them can run script here."""

import time
from pathlib import PurePosixPath

from flask import Blueprint, Response, request

from marketplace.app import manages_transactions
from marketplace.errors import Forbidden
from marketplace.storage import storage

blueprint = Blueprint("media", __name__, url_prefix="/media")

# What a browser may show in place; everything else is a download.
SHOWN = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".json": "application/json",
    ".lypf": "application/octet-stream",
    ".txt": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}
CACHE_SECONDS_MAX = 7 * 86_400


@blueprint.get("/<path:key>")
@manages_transactions
def content(key: str) -> Response:
    """A blob; without a valid signature that has not ended it is refused, whether there is such a blob or not."""
    expires = _number(request.args.get("expires", ""))
    if not storage().is_signed(key, expires, request.args.get("signature", "")):
        raise Forbidden("This link has ended or was not made here.")
    size, chunks = storage().stream(key)
    suffix = PurePosixPath(key).suffix.lower()
    response = Response(chunks, mimetype=SHOWN.get(suffix, "application/octet-stream"))
    headers = response.headers
    headers["Content-Length"] = str(size)
    if suffix not in SHOWN:
        headers.set("Content-Disposition", "attachment", filename=PurePosixPath(key).name)
    headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    # What is written under a key never changes, and the link stays the same for an hour.
    seconds = max(0, min(CACHE_SECONDS_MAX, expires - int(time.time())))
    headers["Cache-Control"] = f"private, max-age={seconds}, immutable"
    return response


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
