"""Durations as people write them: 90s, 30m, 24h, 7d."""

import re

import typer

UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds(text: str | float) -> float:
    """Return a duration in seconds. Raise BadParameter if it is none."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])?", str(text).strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is no duration such as 90s, 30m, 24h or 7d.")
    return float(match[1]) * UNITS_S[match[2] or "s"]


GRACE_S = 86_400.0
Grace = typer.Option(
    parser=seconds, metavar="DURATION", show_default="24h", help="How long something must be missing to be deleted."
)
