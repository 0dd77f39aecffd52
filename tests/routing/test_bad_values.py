"""Answers and parameters that a broken or hostile program sends: named problems, never a crash."""

import copy
import json
import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from routing.task_types import TASK_TYPES
from routing.types import Params, Problem, Window
from tests.routing.contracts import CASES, contract, params

HUGE = 10**400
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(
        [HUGE, -HUGE, 1e308, -1e308, 5e-324, -0.0, 2**63, math.nan, math.inf, "NaN", "car", "\x00", "\ud800"]
    ),
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
QUICK = settings(max_examples=150, deadline=None)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything within a JSON value."""
    found = [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        found += places(one, (*path, key))
    return found


@st.composite
def spoiled(draw: st.DrawFn, valid: dict[str, Any]) -> Any:
    """A valid value with a few parts replaced, removed, doubled, or with a stranger added."""
    value = copy.deepcopy(valid)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(value)))
        if not path:
            return draw(anything)
        holder = value
        for key in path[:-1]:
            holder = holder[key]
        change = draw(st.sampled_from(["replace", "remove", "double", "stranger"]))
        if change == "replace":
            holder[path[-1]] = draw(anything)
        elif change == "remove":
            del holder[path[-1]]
        elif change == "double" and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[path[-1]]))
        elif isinstance(holder, dict):
            holder[draw(st.text(max_size=4))] = draw(anything)
        if not isinstance(value, dict) or not value:
            return value
    return value


def problems_of(name: str, raw: Any, given_params: Params, window: Window | None) -> list[Problem] | None:
    """None where already the shape is wrong."""
    try:
        answer = TASK_TYPES[name].Answer().load(raw)
    except ValidationError:
        return None
    problems = TASK_TYPES[name].check_answer(answer, given_params, window)
    assert all(problem.path and problem.message for problem in problems)
    return problems


@pytest.mark.parametrize("name", TASK_TYPES)
@pytest.mark.parametrize("window", [None, Window(0, 5)], ids=["whole", "window"])
@QUICK
@given(data=st.data())
def test_a_spoiled_answer_is_refused_by_name_or_is_fit_for_every_stage(
    name: str, window: Window | None, data: st.DataObject
) -> None:
    task_type, given_params, valid = TASK_TYPES[name], params(name), contract(name, "answer")
    raw = data.draw(spoiled(valid))
    if problems_of(name, raw, given_params, window) != []:
        return
    jsonschema.validate(raw, task_type.answer_json_schema())
    answer = task_type.Answer().load(raw)
    truth = task_type.Answer().load(valid)
    assert 0 <= task_type.grade(answer, truth) <= 1
    assert task_type.agreement(answer, answer) == pytest.approx(1)
    pieces = task_type.split(given_params, 5)
    json.dumps(
        task_type.assemble([(p, task_type.within(answer, p.window)) for p in pieces], "x").answer, allow_nan=False
    )


@pytest.mark.parametrize("name", TASK_TYPES)
@QUICK
@given(data=st.data())
def test_spoiled_parameters_are_refused_or_can_be_worked_with(name: str, data: st.DataObject) -> None:
    task_type = TASK_TYPES[name]
    try:
        loaded = task_type.Params().load(data.draw(spoiled(contract(name, "params"))))
    except ValidationError:
        return
    assert task_type.answers_wanted(loaded) >= 1
    assert task_type.split(loaded, 5) and isinstance(task_type.labeler_params(loaded), dict)
    answer = task_type.Answer().load(contract(name, "answer"))
    assert all(p.path for p in task_type.check_answer(answer, loaded, None))
    empty = task_type.empty_answer(loaded)
    assert task_type.check_answer(task_type.Answer().load(empty), loaded, None) == []


def at(path: tuple[Any, ...], value: Any, valid: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(valid)
    holder: Any = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("name", "path", "value", "named"),
    [
        ("lidarannotation", ("tracks", 1, "label"), "tree", "tracks[1].label"),
        ("lidarannotation", ("tracks", 1, "id"), "a1b2c3", "tracks[1].id"),
        ("lidarannotation", ("tracks", 0, "attributes", "occlusion"), None, "tracks[0].attributes.occlusion"),
        ("lidarannotation", ("tracks", 0, "attributes", "doors"), 9, "tracks[0].attributes.doors"),
        ("lidarannotation", ("tracks", 0, "attributes", "doors"), HUGE, "tracks[0].attributes.doors"),
        ("lidarannotation", ("tracks", 0, "attributes", "doors"), True, "tracks[0].attributes.doors"),
        ("lidarannotation", ("tracks", 0, "attributes", "wheel_angle"), 361, "tracks[0].attributes.wheel_angle"),
        ("lidarannotation", ("tracks", 0, "attributes", "parked"), "no", "tracks[0].attributes.parked"),
        ("lidarannotation", ("tracks", 0, "attributes", "lights"), ["fog"], "tracks[0].attributes.lights"),
        ("lidarannotation", ("tracks", 0, "attributes", "occlusion"), ["none"], "tracks[0].attributes.occlusion"),
        ("lidarannotation", ("tracks", 0, "attributes", "colour"), "red", "tracks[0].attributes.colour"),
        ("lidarannotation", ("tracks", 0, "cuboids", 2, "frame"), 1, "tracks[0].cuboids[2].frame"),
        ("lidarannotation", ("tracks", 0, "cuboids", 3, "frame"), 5, "tracks[0].cuboids[3].frame"),
        ("lidarannotation", ("tracks", 0, "cuboids", 1, "dimensions"), [4, 0, 1], "tracks[0].cuboids[1].dimensions"),
        ("lidarannotation", ("tracks", 0, "cuboids", 1, "dimensions"), [4, 1, 201], "tracks[0].cuboids[1].dimensions"),
        ("lidarannotation", ("tracks", 0, "cuboids", 1, "position"), [0, 1e6, 0], "tracks[0].cuboids[1].position"),
        ("lidarannotation", ("tracks", 0, "cuboids", 1, "yaw"), 90, "tracks[0].cuboids[1].yaw"),
        ("imageannotation", ("annotations", 0, "label"), "tree", "annotations[0].label"),
        ("imageannotation", ("annotations", 1, "width"), 9, "annotations[1].width"),
        ("imageannotation", ("annotations", 1, "height"), 19, "annotations[1].height"),
        ("imageannotation", ("annotations", 0, "attributes", "parked"), 1, "annotations[0].attributes.parked"),
        ("categorization", ("category",), "complaint", "category"),
        ("categorization", ("category",), ["billing"], "category"),
    ],
)
def test_a_broken_rule_names_its_place(name: str, path: tuple[Any, ...], value: Any, named: str) -> None:
    problems = problems_of(name, at(path, value, contract(name, "answer")), params(name), Window(0, 5))
    assert problems is not None and [problem.path for problem in problems] == [named]


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("lidarannotation", ("tracks", 0, "cuboids", 1, "position"), [0, math.nan, 0]),
        ("lidarannotation", ("tracks", 0, "cuboids", 1, "position"), [0, 0]),
        ("lidarannotation", ("tracks", 0, "cuboids", 1, "dimensions"), [1, math.inf, 1]),
        ("lidarannotation", ("tracks", 0, "cuboids", 1, "frame"), 1.5),
        ("lidarannotation", ("tracks", 0, "cuboids", 1, "frame"), 2**63),
        ("lidarannotation", ("tracks", 0, "cuboids", 1, "roll"), 0),
        ("lidarannotation", ("tracks", 0, "cuboids"), []),
        ("imageannotation", ("annotations", 0, "left"), math.nan),
        ("imageannotation", ("annotations", 0, "width"), 0),
        ("imageannotation", ("annotations", 0, "type"), "polygon"),
        ("imageannotation", ("annotations", 0, "id"), "7f"),
        ("categorization", ("category",), 5),
    ],
)
def test_a_wrong_shape_is_refused_under_its_path(name: str, path: tuple[Any, ...], value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        TASK_TYPES[name].Answer().load(at(path, value, contract(name, "answer")))
    messages: Any = refused.value.messages
    for key in path[:-1]:
        if not isinstance(messages, dict) or key not in messages:
            break
        messages = messages[key]
    assert messages != refused.value.messages or path[0] in messages


@pytest.mark.parametrize("case", CASES, ids=[f"{k}-{c[0]}" for k, c in enumerate(CASES)])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_published_schema_and_the_server_s_agree_on_good_answers(case: Any, data: st.DataObject) -> None:
    name, _, answers = case
    answer = data.draw(answers)
    jsonschema.validate(answer, TASK_TYPES[name].answer_json_schema())
    assert TASK_TYPES[name].Answer().load(answer) == answer
