"""Integer cents: split without losing one, round in favour of the person who is paid."""

from collections.abc import Sequence


def allocate(amount_cents: int, weights: Sequence[int]) -> list[int]:
    """Split an amount in proportion to `weights`; the parts add up to it exactly.

    What rounding leaves goes, a cent each, to the largest remainders, earlier ones first.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights must not be negative, and not all zero")
    parts = [amount_cents * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -(amount_cents * weights[i] % total))
    for index in by_remainder[: amount_cents - sum(parts)]:
        parts[index] += 1
    return parts


def share_up(amount: int, numerator: int, denominator: int) -> int:
    """`amount * numerator / denominator`, rounded up to the next whole cent."""
    return -(-amount * numerator // denominator)
