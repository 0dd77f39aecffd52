"""Windows of frames: all covered, neighbours sharing exactly the overlap, none much shorter than the others."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.types import Window
from routing.windows import split_frames


@given(st.integers(1, 3_000), st.integers(1, 200), st.data())
def test_windows_cover_the_drive_and_share_exactly_the_overlap(frames: int, window: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, window - 1))
    windows = split_frames(frames, window, overlap)
    assert windows[0].start == 0 and windows[-1].stop == frames
    assert all(0 < len(one) <= window for one in windows)
    for one, two in itertools.pairwise(windows):
        assert one.start < two.start and one.stop < two.stop
        assert len(one.overlap(two)) == overlap
    lengths = [len(one) for one in windows]
    assert max(lengths) - min(lengths) <= 1
    fewest = 1 if frames <= window else -(-(frames - overlap) // (window - overlap))
    assert len(windows) == fewest


@pytest.mark.parametrize(("frames", "window", "overlap"), [(0, 5, 1), (5, 0, 0), (5, 3, 3), (5, 3, -1)])
def test_a_cut_without_a_step_forward_is_refused(frames: int, window: int, overlap: int) -> None:
    with pytest.raises(ValueError):
        split_frames(frames, window, overlap)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_an_overlap_holds_what_both_windows_hold(a: int, b: int, c: int, d: int) -> None:
    one, two = Window(min(a, b), max(a, b)), Window(min(c, d), max(c, d))
    common = one.overlap(two)
    assert [f for f in range(20) if f in common] == [f for f in range(20) if f in one and f in two]
    assert len(common) == len(two.overlap(one))
