"""The OpenAPI document of the APIs, and a reference page made from it: served from here, without a script."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from flask import Blueprint, Flask, current_app, jsonify, render_template
from flask.typing import ResponseReturnValue
from flask_smorest import Api

from marketplace.schemas import frame
from marketplace.schemas.labeler import Appeal, AssignmentQuery, ClaimWish, Progress, Skip, TrialWish, Work

blueprint = Blueprint("reference", __name__)

INTRODUCTION = (
    "Customers call /v1 with an API key, as user name of HTTP Basic or as a Bearer token. A live key and a test key "
    "see two separate worlds; test tasks are completed at once and cost nothing. Success is always 200. A refusal is "
    "an object with status_code, error and, where one parameter is at fault, field. It is Scale API's public contract, "
    "so its official SDK works with another base URL. Labelers call /labeler with a Bearer token of their own."
)
METHODS = ("get", "post", "put", "delete")
# What the labelers' API reads: its views take their arguments by hand.
LABELER_BODIES = {
    "claim": ClaimWish,
    "heartbeat": Progress,
    "draft": Work,
    "submit_answer": Work,
    "skip": Skip,
    "appeal": Appeal,
    "begin_trial": TrialWish,
}
LABELER_QUERIES = {"assignments": AssignmentQuery}
SECTIONS = ("Projects", "Batches", "Sending tasks", "Tasks", "Files", "Evaluation tasks", "Labelers")


def init_reference(app: Flask, api: Api) -> None:
    """Complete the document: who may call what, and the labelers' API by its views' docstrings."""
    spec = api.spec
    spec.options["info"] = {"description": INTRODUCTION}
    spec.components.security_scheme("key", {"type": "http", "scheme": "basic", "description": "The key as user name."})
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    spec.options["security"] = [{"key": []}, {"bearer": []}]
    spec.components.schema("LidarFrame", {"description": frame.DESCRIPTION}, schema=frame.LidarFrame)
    _describe_labelers(app, spec)
    app.extensions["openapi"] = api
    app.register_blueprint(blueprint)


def _describe_labelers(app: Flask, spec: Any) -> None:
    for rule in app.url_map.iter_rules():
        blueprint_name, _, view = rule.endpoint.partition(".")
        if blueprint_name != "labeler_api":
            continue
        summary, _, description = (app.view_functions[rule.endpoint].__doc__ or rule.endpoint).partition("\n\n")
        operation: dict[str, Any] = {"summary": summary.strip().rstrip("."), "tags": ["Labelers"]}
        operation |= {"description": " ".join(description.split())} if description.strip() else {}
        if view in LABELER_BODIES:
            content = {"application/json": {"schema": LABELER_BODIES[view]}}
            operation["requestBody"] = {"required": True, "content": content}
        if view in LABELER_QUERIES:
            operation["parameters"] = [{"in": "query", "schema": LABELER_QUERIES[view]}]
        operation["responses"] = {"200": {"description": "OK"}, "default": "DEFAULT_ERROR"}
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        spec.path(rule=rule, operations={method.lower(): dict(operation) for method in methods})


@blueprint.get("/docs/openapi.json")
def document() -> ResponseReturnValue:
    """The OpenAPI 3.1 document."""
    return jsonify(current_app.extensions["openapi"].spec.to_dict())


@blueprint.get("/docs")
def page() -> ResponseReturnValue:
    """The reference, for people."""
    sections, schemas = _read(current_app.extensions["openapi"])
    return render_template("public/reference.html", introduction=INTRODUCTION, sections=sections, schemas=schemas)


# From the document to what the page shows


@dataclass(frozen=True)
class Row:
    """A parameter or a field."""

    name: str
    kind: str
    required: bool
    description: str
    link: str | None = None  # the schema that it consists of


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Row]
    body: list[Row]
    answer: Row | None

    @property
    def anchor(self) -> str:
        return f"{self.method}-{self.path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}"


@dataclass(frozen=True)
class Section:
    name: str
    operations: list[Operation] = field(default_factory=list)


@cache
def _read(api: Api) -> tuple[list[Section], dict[str, tuple[str, list[Row]]]]:
    """The operations by their tag, and the schemas that they refer to."""
    document = api.spec.to_dict()
    schemas = document["components"]["schemas"]
    sections: dict[str, Section] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                operation = _operation(method, path, item, schemas)
                tag = item[method]["tags"][0]
                sections.setdefault(tag, Section(tag)).operations.append(operation)
    tables = {name: (schema.get("description", ""), _rows(schema)) for name, schema in sorted(schemas.items())}
    ordered = sorted(sections.values(), key=lambda section: SECTIONS.index(section.name))
    return ordered, {name: table for name, table in tables.items() if table[1]}


def _operation(method: str, path: str, item: dict[str, Any], schemas: dict[str, Any]) -> Operation:
    operation = item[method]
    parameters = [
        Row(p["name"], f"{_kind(p.get('schema', {}))}, {p['in']}", p.get("required", False), _words(p))
        for p in [*item.get("parameters", []), *operation.get("parameters", [])]
    ]
    answer = _content(operation.get("responses", {}).get("200", {}))
    return Operation(
        method=method,
        path=path,
        summary=operation.get("summary", ""),
        description=" ".join(operation.get("description", "").split()),
        parameters=parameters,
        body=_rows(_resolved(_content(operation.get("requestBody", {})), schemas)),
        answer=Row("", _kind(answer), True, "", _link(answer)) if answer else None,
    )


def _content(holder: dict[str, Any]) -> dict[str, Any]:
    """The schema of a body, whatever its type."""
    return next((dict(one.get("schema", {})) for one in holder.get("content", {}).values()), {})


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    name = _link(schema)
    return dict(schemas[name]) if name and "items" not in schema else schema


def _rows(schema: dict[str, Any]) -> list[Row]:
    required = schema.get("required", [])
    rows = [
        Row(name, _kind(one), name in required, _words(one), _link(one))
        for name, one in schema.get("properties", {}).items()
    ]
    return sorted(rows, key=lambda row: not row.required)


def _link(schema: dict[str, Any]) -> str | None:
    """The name of the schema that this one refers to, by itself or by its items."""
    for one in (schema, schema.get("items", {}), *schema.get("allOf", [])):
        if "$ref" in one:
            return str(one["$ref"].rpartition("/")[2])
    return None


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema or "allOf" in schema:
        return "object"
    kind = schema.get("type", "any")
    words = [word for word in (kind if isinstance(kind, list) else [kind]) if word != "null"]
    if words == ["array"]:
        return f"list of {_kind(schema.get('items', {}))}"
    return " or ".join(words)


def _words(schema: dict[str, Any]) -> str:
    """The description with the bounds that a program would be refused for."""
    inner = schema.get("schema", schema)
    parts = [schema.get("description", "")]
    choices = [str(choice) for choice in inner.get("enum", [])]
    parts += [f"One of {', '.join(choices)}."] if choices else []
    if inner.get("default") not in (None, {}, []):
        parts.append(f"Default {inner['default']}.")
    bounds = [f"at least {inner['minimum']:g}"] if "minimum" in inner else []
    bounds += [f"at most {inner['maximum']:g}"] if "maximum" in inner else []
    bounds += [f"at most {inner['maxLength']:,} characters"] if "maxLength" in inner else []
    parts += [f"{', '.join(bounds).capitalize()}."] if bounds else []
    return " ".join(part for part in parts if part)
