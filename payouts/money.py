"""Integer cents, rounded in favour of the person who is paid."""


def share_up(amount: int, numerator: int, denominator: int) -> int:
    """`amount * numerator / denominator`, rounded up to the next whole cent."""
    return -(-amount * numerator // denominator)
