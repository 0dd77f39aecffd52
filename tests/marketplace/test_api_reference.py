"""The OpenAPI document and the reference page that is made from it."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
from flask import Flask
from flask.testing import FlaskClient

from marketplace.formats import frame_json
from routing.scene import Camera, Frame, Gps, Image, Imu, Pose, Radar
from routing.task_types import TASK_TYPES


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from ([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def routes(app: Flask, *blueprints: str) -> set[tuple[str, str]]:
    return {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] in blueprints
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_endpoint_is_in_the_document(app: Flask, client: FlaskClient) -> None:
    document = client.get("/docs/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    # Behind these stand the documented addresses by task type, and a second spelling.
    behind = {
        ("POST", "/v1/task/{task_type}"),
        ("POST", "/v1/task/{task_type}/quote"),
        ("POST", "/v1/evaluation_tasks/{task_type}"),
        ("POST", "/v1/task/{task_id}/send_callback"),
    }
    known = {(method, path) for method, path in described if method != "PARAMETERS"}
    assert routes(app, "api", "labeler_api") - behind == known
    assert {("POST", f"/v1/task/{name}") for name in TASK_TYPES} <= known


def test_the_document_is_whole(client: FlaskClient) -> None:
    document = client.get("/docs/openapi.json").get_json()
    for reference in set(references(document)):
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
    for path, item in document["paths"].items():
        for method in set(item) - {"parameters"}:
            given = [
                p["name"] for p in item.get("parameters", []) + item[method].get("parameters", []) if p["in"] == "path"
            ]
            assert sorted(given) == sorted(re.findall(r"{(\w+)}", path)), (method, path)
            takes_none = re.search("/(cancel|finalize|send-callback|stop)$", path)
            assert method not in {"post", "put"} or "requestBody" in item[method] or takes_none, (method, path)
            assert item[method]["summary"] and "200" in item[method]["responses"], (method, path)


def test_a_body_says_what_is_required_and_what_it_is_without(client: FlaskClient) -> None:
    document = client.get("/docs/openapi.json").get_json()
    body = document["components"]["schemas"]["NewLidarTask"]
    assert set(body["required"]) == {"attachments", "labels"}
    assert body["properties"]["window_frames"]["default"] == 20
    assert "unique_id" in body["properties"] and "expected_response" not in body["properties"]


def test_the_page_needs_nothing_from_elsewhere(app: Flask, client: FlaskClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\bsrc=\"/)", page.text), "the policy would block it"
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page.text)
    for _, path in routes(app, "labeler_api") | {("", "/v1/task/{task_id}/cancel"), ("", "/v1/files/upload")}:
        assert path in page.text
    anchors = re.findall(r'href="#([^"]+)"', page.text)
    ids = re.findall(r'\bid="([^"]+)"', page.text)
    assert set(anchors) <= set(ids) and len(set(ids)) == len(ids)


def test_the_frame_json_that_we_write_is_the_documented_one(client: FlaskClient) -> None:
    """Every field of a frame with all its sensors stands in the document, down to the last coordinate."""
    schemas = client.get("/docs/openapi.json").get_json()["components"]["schemas"]
    three = np.ones((1, 3))
    camera = Camera(Pose((0.0, 0.0, 0.0)), 64, 48, 60.0, 60.0, 32.0, 24.0)
    frame = Frame(
        points=three,
        intensity=np.ones(1),
        sensor=np.ones(1, np.uint8),
        timestamp=1.0,
        gps=Gps(48.0, 11.0, 0.0),
        imu=Imu(np.ones(1), three, three),
        radar=Radar(three, three, np.ones(1)),
        images=(Image("front", camera, b"", 1.0),),
    )

    def check(value: Any, schema: dict[str, Any], path: str) -> None:
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
        if "allOf" in schema:
            return check(value, schema["allOf"][0], path)
        if isinstance(value, list):
            return [check(one, schema["items"], path) for one in value] and None
        if isinstance(value, dict) and "properties" in schema:
            assert set(value) <= set(schema["properties"]), path
            assert set(schema.get("required", [])) <= set(value), path
            for name, inner in value.items():
                check(inner, schema["properties"][name], f"{path}.{name}")
        return None

    check(orjson.loads(frame_json.write(frame, ["https://example.org/a.jpg"])), schemas["LidarFrame"], "frame")
