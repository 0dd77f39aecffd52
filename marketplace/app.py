"""create_app: settings, extensions, blueprints, and the one transaction around every request."""

import json
import logging
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TextIO, cast

import orjson
import structlog
from flask import Flask, Request, Response, current_app, g, jsonify, render_template, request, url_for
from flask.json.provider import DefaultJSONProvider
from flask.logging import wsgi_errors_stream
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFError
from itsdangerous import URLSafeTimedSerializer
from markupsafe import Markup
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.middleware.proxy_fix import ProxyFix

from marketplace import words
from marketplace.config import LogLevel, Settings
from marketplace.db import db, init_db, transaction
from marketplace.errors import STATUS, LabelyardError, TooManyRequests, status_of
from marketplace.permissions import init_permissions
from marketplace.queue import init_queue
from marketplace.storage import Storage

log = logging.getLogger(__name__)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = [
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]


class SharedLimiter(Limiter):
    """Counts in Redis, which has no place on the path of a claim: labelers' calls are counted by `throttle`."""

    def _check_request_limit(self, *args: Any, **kwargs: Any) -> None:
        if request.blueprint != "labeler_api":
            super()._check_request_limit(*args, **kwargs)


limiter = SharedLimiter(get_remote_address, in_memory_fallback_enabled=True, swallow_errors=True)


class Json(DefaultJSONProvider):
    """Flask's own, by orjson where that can: at a fraction of the time."""

    sort_keys = False  # the order of the schemas reads better
    OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_APPEND_NEWLINE

    def response(self, *args: Any, **kwargs: Any) -> Response:
        value = self._prepare_response_obj(args, kwargs)
        try:
            return Response(orjson.dumps(value, option=self.OPTIONS), mimetype=self.mimetype)
        except TypeError:  # an integer of more than 64 bits, which a customer's JSON may hold
            return cast(Response, super().response(value))


class Sessions(SecureCookieSessionInterface):
    """Flask's own, with the signer made once and not for every request, and nothing read where there is no cookie."""

    _signer: URLSafeTimedSerializer | None = None

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return super().open_session(app, request) if "HTTP_COOKIE" in request.environ else self.session_class()

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        if self._signer is None:
            self._signer = super().get_signing_serializer(app)
        return self._signer


class Labelyard(Flask):
    """One transaction per request, opened at the edge: return commits, raise rolls back."""

    json_provider_class = Json

    def dispatch_request(self) -> ResponseReturnValue:
        view = self.view_functions.get(request.endpoint or "")
        if getattr(view, "manages_transactions", False):
            with transaction():
                pass  # what admitted the caller is done: nothing stays open while the network is slow
            return super().dispatch_request()
        with transaction():
            return super().dispatch_request()


def manages_transactions(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a view that talks to the network or streams, and so opens its transactions itself."""
    view.manages_transactions = True  # type: ignore[attr-defined]
    return view


def create_app(settings: Settings | None = None) -> Flask:
    """The application; on the command line without DATABASE_URL only its commands, which take `--data` instead."""
    from marketplace.cli import register_commands

    app = Labelyard("marketplace")
    register_commands(app)
    if settings is None:
        if os.environ.get("FLASK_RUN_FROM_CLI") == "true" and "DATABASE_URL" not in os.environ:
            return app
        settings = Settings.from_env()
    configure(app, settings)
    return app


def configure(app: Flask, settings: Settings) -> None:
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="labelyard_form",  # holds the CSRF secret and what to flash
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        MAX_CONTENT_LENGTH=settings.upload_max_bytes + 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=8 * 1024 * 1024,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "pool_size": settings.database_pool_size,
            "max_overflow": settings.database_pool_size,
            "pool_pre_ping": False,
            "hide_parameters": True,  # a failed statement is logged without what people typed
        },
        RATELIMIT_STORAGE_URI=_limiter_url(settings.redis_url),
        RATELIMIT_HEADERS_ENABLED=True,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a labeler's page stays open for a shift
    )
    if settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies)  # type: ignore[method-assign]
    configure_logging(settings.log_level)
    app.session_interface = Sessions()
    init_db(app)
    init_queue(app)
    limiter.init_app(app)
    init_permissions(app, settings)
    app.extensions["storage"] = Storage.from_url(settings.storage_url, secret=settings.secret_key)
    app.jinja_env.filters.update(words.FILTERS)
    app.jinja_env.globals.update(asset_tags=asset_tags, settings=settings)
    app.context_processor(lambda: {"viewer": viewer()})
    register_blueprints(app)
    app.register_error_handler(Exception, answer_error)
    app.after_request(security_headers)


def register_blueprints(app: Flask) -> None:
    from marketplace.api import init_api
    from marketplace.pages import BLUEPRINTS

    init_api(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)


def _limiter_url(redis_url: str) -> str:
    return f"redis+{redis_url}" if redis_url.startswith("unix://") else redis_url


def configure_logging(level: LogLevel) -> None:
    """One event a line with its ids; never a key, a token or a body."""
    handler = logging.StreamHandler(cast(TextIO, wsgi_errors_stream))  # a proxy of the stream of the moment
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
            ],
        )
    )
    for name in ("marketplace", "payouts"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level.upper())


# Errors


def wants_json() -> bool:
    return request.path.startswith(("/v1/", "/labeler/", "/media/", "/webhooks/"))


# What a person reads where the framework's own words would be shown.
PAGE_WORDS = {
    404: "There is no page at this address. It may be mistyped, or what it showed is gone.",
    405: "This address takes a form of one of our pages only. Go there and send it again.",
    429: "That was more than we allow in a short time. Wait a minute, then try again.",
}
OLD_FORM = "This page was open for too long or in another sign-in. Load it again, then send it once more."


def answer_error(error: Exception) -> ResponseReturnValue:
    """JSON `{status_code, error, field?}` for programs, a page in words for people."""
    status, message, field = 500, "Something broke on our side. It is logged; please try again.", None
    if isinstance(error, LabelyardError) or type(error) in STATUS:
        status, message, field = status_of(error), str(error), getattr(error, "field", None)
    elif isinstance(error, RequestEntityTooLarge):
        status, message = 400, "The request is larger than this server accepts."
    elif isinstance(error, HTTPException):
        status, message = error.code or 500, error.description or error.name
        if error.response is not None:
            return error.response
    if status >= 500 and not isinstance(error, HTTPException):
        log.error("request failed", extra={"path": request.path}, exc_info=error)
    if wants_json():
        body = {"status_code": status, "error": message} | ({"field": field} if field else {})
        again = {"Retry-After": str(math.ceil(error.wait_seconds))} if isinstance(error, TooManyRequests) else {}
        return jsonify(body), status, again
    if isinstance(error, HTTPException):
        message = OLD_FORM if isinstance(error, CSRFError) else PAGE_WORDS.get(status, message)
    db.session.rollback()  # the error page reads the user's name in a clean transaction
    return render_template("error.html", status=status, message=message), status


def security_headers(response: Response) -> Response:
    headers = response.headers
    present = {name.lower() for name, _ in headers}
    headers.extend([(name, value) for name, value in SECURITY_HEADERS if name.lower() not in present])
    if "cache-control" not in present and request.endpoint not in {"static", "media.content"}:
        headers.add("Cache-Control", "no-store")
    return response


@dataclass(frozen=True)
class Viewer:
    """Who looks at the page: what the header shows and which navigation it gets."""

    name: str
    role: str


def viewer() -> Viewer | None:
    user = g.get("user")
    if user is None:
        return None
    is_reviewer = user.labeler is not None and user.labeler.reviewer
    return Viewer(name=user.name, role="reviewer" if is_reviewer else str(user.role))


# The front end's built files


@cache
def _manifest(path: Path, changed: float) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def asset_tags(entry: str) -> Markup:
    """The tags that load a Vite entry: its style sheets and its module."""
    path = Path(current_app.static_folder or "") / "build" / ".vite" / "manifest.json"
    if not path.exists():
        return Markup("<!-- the front end is not built: run `make setup` -->")
    manifest = _manifest(path, path.stat().st_mtime)
    chunk = manifest[entry]
    sheets = _sheets(manifest, chunk, set())
    tags = [Markup('<link rel="stylesheet" href="{}">').format(_built(name)) for name in sheets]
    tags.append(Markup('<script type="module" src="{}"></script>').format(_built(chunk["file"])))
    return Markup("\n").join(tags)


def _sheets(manifest: dict[str, Any], chunk: dict[str, Any], seen: set[str]) -> list[str]:
    """The style sheets of a chunk and of all that it imports at once, each named one time."""
    sheets = []
    for name in chunk.get("imports", []):
        if name not in seen:
            seen.add(name)
            sheets += _sheets(manifest, manifest[name], seen)
    return list(dict.fromkeys(sheets + chunk.get("css", [])))


def _built(name: str) -> str:
    return url_for("static", filename=f"build/{name}")
