"""The product and, under /bare, an otherwise empty view around the bare claim: for one gunicorn to serve both."""

import os
import threading
from typing import Any

import psycopg
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from benchmarks import bare_claim
from marketplace.app import create_app

bare = Flask("bare")
own = threading.local()


def connection() -> psycopg.Connection[Any]:
    if not hasattr(own, "connection"):
        url = os.environ["DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://")
        own.connection = psycopg.connect(url, autocommit=True)
    return own.connection


@bare.post("/claim")
def claim() -> ResponseReturnValue:
    return jsonify(id=bare_claim.claim(connection(), request.headers["X-Labeler"]))


app = DispatcherMiddleware(create_app(), {"/bare": bare})
