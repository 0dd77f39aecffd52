"""Cutting a drive into overlapping windows of frames."""

from routing.types import Window


def split_frames(frame_count: int, window: int, overlap: int) -> list[Window]:
    """Windows of at most `window` frames that cover all frames, neighbours sharing exactly `overlap` of them.

    The lengths are balanced, so that the last labeler does not get a window of two frames. Raises ValueError where
    the overlap leaves no step forward.
    """
    if frame_count < 1 or window < 1:
        raise ValueError("a drive and a window have at least one frame")
    if not 0 <= overlap < window:
        raise ValueError("the overlap is at least 0 and shorter than the window")
    if frame_count <= window:
        return [Window(0, frame_count)]
    count = -(-(frame_count - overlap) // (window - overlap))
    # The windows' starts, spread evenly: each steps forward by the frames that are its own.
    steps = frame_count - overlap
    edges = [steps * k // count for k in range(count + 1)]
    return [Window(edges[k], edges[k + 1] + overlap) for k in range(count)]
