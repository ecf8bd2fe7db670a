"""Amounts in words: of time and of bytes."""

DAY = 86_400.0  # seconds


def spelled_size(gigabytes: float) -> str:
    """Of memory or disk."""
    if gigabytes < 0.001:
        return "under a megabyte"
    return f"{gigabytes:,.1f} GB" if gigabytes >= 1 else f"{1000 * gigabytes:,.0f} MB"


def about(seconds: float) -> str:
    """Of time that was worked out beforehand."""
    return f"about {spelled(seconds)}" if seconds else "no time"


def spelled(seconds: float) -> str:
    """Of time, in the unit that suits it."""
    if seconds < 1.5:
        return "a second"
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 2 * DAY else f"{seconds / DAY:.1f} days"
