"""Pages for everybody: the front page, sign-up, sign-in, sign-out, and whether the server is well."""

import re

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    g,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from redis import RedisError
from sqlalchemy import func, select, text

from marketplace import auth, known_browsers, people
from marketplace.app import limiter
from marketplace.db import db
from marketplace.models import Role, User

blueprint = Blueprint("public", __name__)

HOME = {
    Role.LABELER: "labeler.work",
    Role.CUSTOMER: "customer.projects",
    Role.FINANCE: "finance.queue",
    Role.OPERATOR: "operator.overview",
}
PASSWORD_CHARACTERS_MIN = 10
TOO_MANY_TRIES = (
    "Too many tries with this e-mail address. Please wait some minutes, or use a browser that signed in with it before."
)


def home_of(user: User) -> str:
    return url_for(HOME[user.role])


def _signin_limit() -> str:
    return auth.settings().rate_limit_signin


def _account_limit() -> str:
    return auth.settings().rate_limit_account


def _has_failed(response: Response) -> bool:
    return response.status_code == 400


def _signin_again(message: str, status: int) -> Response:
    values = {"email": request.form.get("email", ""), "next": request.form.get("next", "")}
    page = render_template("public/signin.html", values=values, errors={"password": message})
    return make_response(page, status)


def _refuse_more_tries(_: object) -> Response:
    return _signin_again(TOO_MANY_TRIES, 429)


@blueprint.get("/")
def front() -> ResponseReturnValue:
    if g.user is not None:
        return redirect(home_of(g.user))
    return render_template("public/front.html")


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """200 while the database answers. Redis may be away: work goes on and the sweep catches up, so it is only told."""
    db.session.execute(text("SELECT 1"))
    try:
        redis_answers = bool(current_app.extensions["redis"].ping())
    except RedisError:
        redis_answers = False
    return jsonify(status="ok", redis=redis_answers)


@blueprint.route("/signin", methods=["GET", "POST"])
@limiter.limit(_signin_limit, methods=["POST"])
@limiter.limit(
    _account_limit,
    methods=["POST"],
    key_func=known_browsers.counted_with,
    deduct_when=_has_failed,
    on_breach=_refuse_more_tries,
)
def signin() -> ResponseReturnValue:
    if request.method == "GET":
        return render_template("public/signin.html", values={"next": request.args.get("next", "")}, errors={})
    user = auth.check_password(request.form.get("email", ""), request.form.get("password", ""))
    if user is None:
        return _signin_again("This e-mail address and password do not go together.", 400)
    response = make_response(redirect(_safe_path(request.form.get("next")) or home_of(user)))
    auth.sign_in(user, response)
    known_browsers.remember(user, response)
    return response


@blueprint.post("/signout")
def signout() -> ResponseReturnValue:
    response = make_response(redirect(url_for("public.front")))
    auth.sign_out(response)
    return response


@blueprint.route("/signup", methods=["GET", "POST"])
@limiter.limit(_signin_limit, methods=["POST"])
def signup() -> ResponseReturnValue:
    """A labeler or a customer opens an account; staff are made by an operator's command."""
    if request.method == "GET":
        return render_template("public/signup.html", values={"role": request.args.get("role", "labeler")}, errors={})
    values = {name: request.form.get(name, "").strip() for name in ("name", "email", "role")}
    password = request.form.get("password", "")
    errors = _signup_errors(values, password)
    if errors:
        return render_template("public/signup.html", values=values, errors=errors), 400
    if values["role"] == "customer":
        user = people.create_customer(values["name"], email=values["email"], password=password).user
    else:
        user = people.create_labeler(values["name"], email=values["email"], password=password, qualify=[]).user
    assert user is not None
    response = make_response(redirect(home_of(user)))
    auth.sign_in(user, response)
    known_browsers.remember(user, response)
    flash("Welcome. Your account is open.")
    return response


def _signup_errors(values: dict[str, str], password: str) -> dict[str, str]:
    errors = {}
    if not 1 <= len(values["name"]) <= 200:
        errors["name"] = "Please give a name of at most 200 characters."
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", values["email"]) or len(values["email"]) > 320:
        errors["email"] = "This does not look like an e-mail address."
    elif db.session.scalar(select(User.id).where(func.lower(User.email) == values["email"].lower())):
        errors["email"] = "An account with this address exists. Sign in instead."
    if len(password) < PASSWORD_CHARACTERS_MIN:
        errors["password"] = f"Please choose at least {PASSWORD_CHARACTERS_MIN} characters."
    if values["role"] not in {"labeler", "customer"}:
        errors["role"] = "Please choose what you come for."
    return errors


def _safe_path(path: str | None) -> str | None:
    """Only a path of ours: `//host` and `/\\host` would leave the site, and so would `/<tab>/host`, without its tab."""
    return path if path and re.fullmatch(r"/(?![/\\])[^\x00-\x1f]*", path) else None
