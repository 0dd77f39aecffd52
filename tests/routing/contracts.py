"""The contract files of the task types, and answers drawn by Hypothesis that fit their parameters."""

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from routing.task_types import TASK_TYPES
from routing.types import Answer, Params
from routing.windows import split_frames
from tests.routing.drives import lone_objects

FOLDER = Path(__file__).resolve().parents[1] / "contracts"
LIDAR_ATTRIBUTES = {"occlusion": "none"}


def contract(task_type: str, name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / task_type / f"{name}.json").read_text()))


def params(task_type: str, **changes: Any) -> Params:
    return dict(TASK_TYPES[task_type].Params().load(contract(task_type, "params") | changes))


@st.composite
def boxes(draw: st.DrawFn) -> Answer:
    side, place = st.floats(20, 5_000), st.floats(-1_000, 5_000)
    drawn = [
        {
            "id": f"b{k}",
            "type": "box",
            "label": draw(st.sampled_from(["car", "person"])),
            "left": draw(place),
            "top": draw(place),
            "width": draw(side),
            "height": draw(side),
            "attributes": draw(st.sampled_from([{}, {"occlusion": "partly"}, {"parked": False}])),
        }
        for k in range(draw(st.integers(0, 5)))
    ]
    return {"annotations": drawn}


def drives() -> st.SearchStrategy[Answer]:
    def fitted(answer: Answer) -> Answer:
        return {"tracks": [track | {"attributes": dict(LIDAR_ATTRIBUTES)} for track in answer["tracks"]]}

    return lone_objects(5, split_frames(5, 3, 1), steady=False).map(fitted)  # as the parameters cut it


def categories() -> st.SearchStrategy[Answer]:
    return st.sampled_from(["praise", "shipping", "billing"]).map(lambda name: {"category": name})


def category_sets() -> st.SearchStrategy[Answer]:
    names = st.lists(st.sampled_from(["praise", "shipping", "billing"]), min_size=1, unique=True)
    return names.map(lambda chosen: {"category": chosen})


# One case per task type, and one per kind of answer that it knows.
CASES: list[tuple[str, Params, st.SearchStrategy[Answer]]] = [
    ("lidarannotation", params("lidarannotation"), drives()),
    ("imageannotation", params("imageannotation"), boxes()),
    ("categorization", params("categorization"), categories()),
    ("categorization", params("categorization", allow_multiple=True), category_sets()),
]
