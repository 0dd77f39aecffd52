"""Laws of a follow-up: what is settled comes back as it stood, and votes count on the disputed objects only."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing import focus
from routing.overlap import Focus
from routing.task_types import TASK_TYPES
from routing.types import Answer, Verdict, Vote

IMAGE, DRIVE = TASK_TYPES["imageannotation"], TASK_TYPES["lidarannotation"]


def box(name: str, left: float, width: float = 40.0, label: str = "Car") -> dict[str, Any]:
    sides = {"left": left, "top": 10.0, "width": width, "height": 30.0}
    return {"id": name, "type": "box", "label": label, "attributes": {}, **sides}


def boxes(*listed: dict[str, Any]) -> Answer:
    return {"annotations": list(listed)}


def focused(answer: Answer, objects: dict[str, float], target: float = 0.8) -> dict[str, Any]:
    settled = tuple(name for name, sure in objects.items() if sure >= target)
    disputed = tuple(name for name, sure in objects.items() if sure < target)
    return focus.of_verdict(Verdict(answer, 0.7, {}, objects), Focus(settled, disputed))


STOOD = boxes(box("a", 0), box("b", 100), box("c", 200))
ASKED = focused(STOOD, {"a": 0.95, "b": 0.9, "c": 0.4})


def test_what_is_settled_is_not_voted_on_again() -> None:
    """The follow-up moves a settled box and drops the disputed one: the first has no effect."""
    first = Vote("one", STOOD, 0.8)
    second = Vote("two", boxes(box("x", 12), box("y", 100), box("d", 200)), 0.8)
    third = Vote("three", boxes(box("q", 3), box("r", 99)), 0.8)
    verdict = focus.merge(IMAGE, [first, second, third], ASKED)
    by_id = {one["id"]: one for one in verdict.answer["annotations"]}
    assert by_id["a"] == box("a", 0) and by_id["b"] == box("b", 100)
    assert len(by_id) == 3 and any(190 < one["left"] < 210 for one in by_id.values()), "two of three drew it"
    assert IMAGE.agreement(verdict.answer, STOOD) == pytest.approx(1, abs=0.02)


def test_the_disputed_object_goes_if_most_leave_it_out() -> None:
    others = [Vote(name, boxes(box("a", 0), box("b", 100)), 0.9) for name in ("two", "three", "four")]
    verdict = focus.merge(IMAGE, [Vote("one", STOOD, 0.6), *others], ASKED)
    assert [one["id"] for one in verdict.answer["annotations"]] == ["a", "b"]


def test_ids_stay_apart_whatever_tools_call_things() -> None:
    """A new object with the id of a settled one gets another."""
    votes = [Vote(name, boxes(box("z", 0), box("y", 100), box("a", 201)), 0.8) for name in ("one", "two")]
    verdict = focus.merge(IMAGE, votes, ASKED)
    ids = [one["id"] for one in verdict.answer["annotations"]]
    assert len(set(ids)) == len(ids) == 3
    loaded = IMAGE.Answer().load(verdict.answer)
    assert loaded == verdict.answer


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=2, unique=True), st.floats(-3, 3))
def test_answers_that_are_all_as_it_stood_change_nothing(settled: list[str], moved: float) -> None:
    asked = focused(STOOD, {name: 0.9 if name in settled else 0.3 for name in ("a", "b", "c")})
    shifted = boxes(*(one | {"left": one["left"] + moved} for one in STOOD["annotations"]))
    verdict = focus.merge(IMAGE, [Vote("one", shifted, 0.8), Vote("two", shifted, 0.8)], asked)
    kept = {one["id"]: one for one in verdict.answer["annotations"]}
    assert len(kept) == 3 and 0 <= verdict.confidence <= 1
    for one in STOOD["annotations"]:
        if one["id"] in settled:
            assert kept[one["id"]] == one


def test_a_track_is_asked_about_like_a_box() -> None:
    def track(name: str, y: float) -> dict[str, Any]:
        still = {"position": [0.0, y, 0.0], "dimensions": [4.0, 1.8, 1.5], "yaw": 0.0, "key": True}
        return {"id": name, "label": "Car", "attributes": {}, "cuboids": [{"frame": n, **still} for n in range(3)]}

    stood = {"tracks": [track("a", 0.0), track("b", 20.0)]}
    asked = focused(stood, {"a": 0.9, "b": 0.3})
    assert focus.disputed_part(DRIVE, {"tracks": [track("x", 0.2), track("y", 20.1)]}, asked) == {
        "tracks": [track("y", 20.1)]
    }
    votes = [Vote("one", stood, 0.8), Vote("two", {"tracks": [track("x", 0.4), track("y", 20.0)]}, 0.8)]
    verdict = focus.merge(DRIVE, votes, asked)
    assert verdict.answer["tracks"][0] == track("a", 0.0) and len(verdict.answer["tracks"]) == 2
