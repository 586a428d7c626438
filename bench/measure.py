"""One measured figure, and how several runs of the same thing become one."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A figure; `ratio` is value / reference where there is something to compare with."""

    name: str
    value: float
    unit: str
    n: int
    reference: float | None = None
    note: str | None = None

    def as_json(self) -> dict[str, Any]:
        ratio = None if not self.reference else round(self.value / self.reference, 4)
        fields = asdict(self) | {"ratio": ratio, "value": round(self.value, 4)}
        return {name: value for name, value in fields.items() if value is not None}


def p50(values: Sequence[float]) -> float:
    return statistics.median(values)
