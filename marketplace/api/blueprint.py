"""The blueprint of the customers' API: how it reads arguments, limits its rate and describes its errors."""

from typing import Any, NoReturn

from flask import request
from flask_smorest import Api, Blueprint
from marshmallow import Schema, ValidationError, fields
from webargs.flaskparser import FlaskParser

from marketplace.api.body import read_object
from marketplace.app import limiter
from marketplace.auth import digest, settings
from marketplace.schemas.shape import wrong


class ContractParser(FlaskParser):
    """Arguments by marshmallow schemas, with bodies and errors as the contract has them."""

    DEFAULT_VALIDATION_STATUS = 400

    def load_json(self, req: Any, schema: Schema) -> dict[str, Any]:
        """Clients send null, and the 2019 ones an empty text, for what they do not mean to set."""
        return {key: value for key, value in read_object(schema).items() if value is not None and value != ""}

    def load_form(self, req: Any, schema: Schema) -> dict[str, Any]:
        return {key: value for key, value in req.form.items() if value != ""}

    def handle_error(self, error: ValidationError, *_: Any, **__: Any) -> NoReturn:
        by_location = error.messages
        messages = next(iter(by_location.values())) if isinstance(by_location, dict) else by_location
        raise wrong(ValidationError(messages)) from error


class ApiBlueprint(Blueprint):
    """A blueprint whose views are described in the OpenAPI document."""

    ARGUMENTS_PARSER = ContractParser()


class Error(Schema):
    """What every refusal looks like."""

    status_code = fields.Integer(metadata={"description": "400, 401, 402, 404, 409, 429 or 500"})
    error = fields.String(metadata={"description": "What is wrong, in words."})
    field = fields.String(metadata={"description": "The path of the parameter at fault, if one is."})


class DescribedApi(Api):
    """The OpenAPI document; errors are answered by the application's own handler."""

    ERROR_SCHEMA = Error

    def _register_error_handlers(self) -> None:
        """Nothing to register."""


blueprint = ApiBlueprint("api", __name__, url_prefix="/v1", description="The customers' API.")


def takes(schema: dict[str, Any]) -> Any:
    """Describe a body that is a bare list or any object, and so has no schema of ours."""
    return blueprint.doc(requestBody={"content": {"application/json": {"schema": schema}}})


def _limit() -> str:
    return settings().rate_limit_api


def _caller() -> str:
    """One counter per key; who has none shares the counter of their address."""
    presented = request.headers.get("Authorization")
    return digest(presented) if presented else request.remote_addr or "unknown"


limiter.limit(_limit, key_func=_caller, error_message="Too many requests with this key; please slow down.")(blueprint)
