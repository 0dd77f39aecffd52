"""Numbers as sentences have them: each with its unit, and no more exact than it is worth reading."""

import math

from marketplace.words import money

# What "n - 1 of n" is said with: nobody reads "33 of 34".
SIZE_MIN = 0.001
WHOLES = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100)


def percent(share: float) -> str:
    """`0.934` as `93%`; what is not quite all or nothing is not said to be."""
    for digits in (0, 1):
        shown = round(100 * share, digits)
        if 0 < shown < 100 or share in (0, 1):
            return f"{shown:.{digits}f}%"
    return "over 99.9%" if share > 0.5 else "under 0.1%"


def points(difference: float) -> str:
    """A difference of two shares: `0.07` as `7 percentage points`."""
    shown = 100 * abs(difference)
    if shown < 0.05:
        return "less than 0.1 percentage points"
    return f"{shown:.1f} percentage points" if shown < 0.95 else plural_points(round(shown))


def plural_points(count: int) -> str:
    return f"{count} percentage point{'' if count == 1 else 's'}"


def price(cents: float) -> str:
    """Money that need not be whole cents: `4.2` as `$0.04`."""
    if 0 < cents < 0.5:
        return "less than $0.01"
    return money(round(cents))


def cases(share: float) -> str:
    """A frequency as people count: `0.9` as `9 of 10`, `0.04` as `1 in 25`."""
    if share <= 0.005:
        return "hardly any"
    if share >= 0.995:
        return "nearly all"
    if share > 0.85:
        whole = _whole(1 / (1 - share))
        return f"{whole - 1} of {whole}"
    if share < 0.15:
        return f"1 in {_whole(1 / share)}"
    return f"{round(10 * share)} of 10"


def _whole(wanted: float) -> int:
    return min(WHOLES, key=lambda one: abs(math.log(one / wanted)))


def size(value: float, unit: str) -> str:
    """A measured error with two figures that count: `0.1234` and `m` as `0.12 m`."""
    if value < SIZE_MIN:
        return f"under {SIZE_MIN:g} {unit}"
    digits = max(0, 1 - math.floor(math.log10(value)))
    return f"{value:.{digits}f} {unit}"
