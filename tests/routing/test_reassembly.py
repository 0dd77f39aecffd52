"""Split and rejoined, perfect answers are the whole answer exactly; imperfect ones keep one id per object."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.reassembly import GAP_FRAMES_MAX, assemble_tracks
from routing.task_types import lidarannotation
from routing.types import Answer, Assembled, Window
from routing.windows import split_frames
from tests.routing.drives import cut_drives, without_ids


def perfect_answers(whole: Answer, windows: list[Window], order: np.random.Generator) -> list[Answer]:
    """What labelers who see all and err never submit: each in an order and with ids of her own."""
    answers = []
    for window in windows:
        tracks = lidarannotation.within(whole, window)["tracks"]
        names = order.permutation(len(tracks))
        answers.append({"tracks": [tracks[i] | {"id": f"t{k}"} for k, i in enumerate(names)]})
    return answers


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("crowded", id="objects that jump, meet, cross and stand in each other"),
        pytest.param("lone", id="any cuboids at all"),
        pytest.param("steady", id="no overlap: straight ways"),
    ],
)
@settings(max_examples=150, deadline=None)
@given(data=st.data(), seed=st.integers(0, 1_000))
def test_perfect_answers_give_back_the_whole(kind: str, data: st.DataObject, seed: int) -> None:
    windows, whole = data.draw(cut_drives(kind))
    answers = perfect_answers(whole, windows, np.random.default_rng(seed))
    joined = assemble_tracks(windows, answers, "task")
    assert without_ids(joined.answer) == without_ids(whole)
    ids = [track["id"] for track in joined.answer["tracks"]]
    assert len(set(ids)) == len(ids)
    assert assemble_tracks(windows, answers, "task") == joined
    assert not ids or assemble_tracks(windows, answers, "other task").answer != joined.answer
    starts = [track["cuboids"][0]["frame"] for track in joined.answer["tracks"]]
    assert starts == sorted(starts)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_report_accounts_for_every_track_of_every_seam(data: st.DataObject) -> None:
    windows, whole = data.draw(cut_drives("crowded"))
    answers = perfect_answers(whole, windows, np.random.default_rng(0))
    report = assemble_tracks(windows, answers).report
    assert len(report["seams"]) == len(windows) - 1 and not report["unlinked"]
    for seam in report["seams"]:
        assert seam["residual"] is None or seam["residual"]["position_m"] == 0


# What labelers really hand in


def way(
    frames: range, *, start: tuple[float, float], step: tuple[float, float], track_id: str = "t", label: str = "car"
) -> dict[str, Any]:
    cuboids = [
        {
            "frame": f,
            "position": [start[0] + step[0] * f, start[1] + step[1] * f, 0.8],
            "dimensions": [4.2, 1.8, 1.5],
            "yaw": float(np.arctan2(step[1], step[0])),
            "key": True,
        }
        for f in frames
    ]
    return {"id": track_id, "label": label, "attributes": {}, "cuboids": cuboids}


def moved(track: dict[str, Any], metres: float) -> dict[str, Any]:
    shifted = [
        c | {"position": [c["position"][0], c["position"][1] + metres, c["position"][2]]} for c in track["cuboids"]
    ]
    return track | {"cuboids": shifted}


def joined(*answers: list[dict[str, Any]], windows: list[Window]) -> Assembled:
    return assemble_tracks(windows, [{"tracks": tracks} for tracks in answers])


WINDOWS = split_frames(37, 20, 3)  # 0-19 and 17-36


def test_two_labelers_a_little_apart_meet_in_the_middle() -> None:
    car = {"start": (0.0, 0.0), "step": (1.0, 0.0)}
    result = joined([way(range(20), **car)], [moved(way(range(17, 37), **car), 0.4)], windows=WINDOWS)
    (track,) = result.answer["tracks"]
    sides = [c["position"][1] for c in track["cuboids"]]
    assert sides[:17] == [0.0] * 17 and sides[17:20] == pytest.approx([0.2] * 3) and sides[20:] == [0.4] * 17
    assert result.report["seams"][0]["residual"]["position_m"] == pytest.approx(0.4)


@pytest.mark.parametrize("ends", [20, 18, 16, 15])
@pytest.mark.parametrize("starts", [17, 19, 21])
def test_who_ends_early_or_starts_late_does_not_break_a_track(ends: int, starts: int) -> None:
    car, oncoming = {"start": (0.0, 0.0), "step": (1.2, 0.0)}, {"start": (40.0, 3.0), "step": (-1.2, 0.0)}
    left = [way(range(ends), **car), way(range(20), **oncoming, track_id="o")]
    right = [moved(way(range(17, 37), **oncoming, track_id="x"), 0.2), moved(way(range(starts, 37), **car), 0.2)]
    result = joined(left, right, windows=WINDOWS)
    assert len(result.answer["tracks"]) == 2
    assert {track["cuboids"][-1]["frame"] for track in result.answer["tracks"]} == {36}


def test_a_sure_link_is_not_given_up_for_two_doubtful_ones() -> None:
    """One car drives through; one ends before the overlap and one begins after it, each near the through one's way."""
    through = {"start": (0.0, 0.0), "step": (1.0, 0.0)}
    left = [way(range(20), **through), way(range(15), start=(1.0, 1.5), step=(1.0, 0.0), track_id="ends")]
    right = [way(range(17, 37), **through), way(range(21, 37), start=(0.0, -1.5), step=(1.0, 0.0), track_id="begins")]
    result = joined(left, right, windows=WINDOWS)
    whole = [track for track in result.answer["tracks"] if len(track["cuboids"]) == 37]
    assert len(whole) == 1 and without_ids({"tracks": whole}) == without_ids({"tracks": [way(range(37), **through)]})


def test_objects_side_by_side_keep_apart() -> None:
    people = [{"start": (0.0, 0.8 * k), "step": (0.1, 0.0), "label": "person"} for k in range(5)]
    left = [way(range(20), **one, track_id=f"l{k}") for k, one in enumerate(people)]
    right = [moved(way(range(17, 37), **one, track_id=f"r{k}"), 0.15) for k, one in enumerate(people)]
    result = joined(left, right[::-1], windows=WINDOWS)
    links = {tuple(link["tracks"]) for link in result.report["links"]}
    assert links == {(f"l{k}", f"r{k}") for k in range(5)}


def test_what_no_side_can_vouch_for_stays_apart() -> None:
    hidden = way(range(10), start=(0.0, 0.0), step=(1.0, 0.0))
    late = way(range(10 + GAP_FRAMES_MAX, 37), start=(0.0, 0.0), step=(1.0, 0.0))
    elsewhere = way(range(17, 37), start=(0.0, 50.0), step=(1.0, 0.0), track_id="elsewhere")
    result = joined([hidden], [late, elsewhere], windows=WINDOWS)
    assert len(result.answer["tracks"]) == 3
    assert [one["track"] for one in result.report["unlinked"]] == ["t", "elsewhere"]


def test_most_frames_decide_on_label_and_attributes() -> None:
    left = way(range(20), start=(0.0, 0.0), step=(1.0, 0.0)) | {"attributes": {"parked": True, "doors": 2}}
    right = way(range(17, 30), start=(0.0, 0.0), step=(1.0, 0.0), label="van") | {"attributes": {"parked": False}}
    (track,) = joined([left], [right], windows=[Window(0, 20), Window(17, 30)]).answer["tracks"]
    assert track["label"] == "car" and track["attributes"] == {"parked": True, "doors": 2}


@pytest.mark.parametrize(
    "answers", [[{"tracks": []}] * 2, [{"tracks": []}, {"tracks": [way(range(17, 37), start=(0, 0), step=(1, 0))]}]]
)
def test_empty_windows_are_fine(answers: list[Answer]) -> None:
    result = assemble_tracks(WINDOWS, answers)
    assert without_ids(result.answer) == without_ids({"tracks": [t for a in answers for t in a["tracks"]]})
