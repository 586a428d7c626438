"""What was asked and what it took."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.auth import Administrator, ServicesDep
from rag.usage import Report, Sums

router = APIRouter(prefix="/v1/usage", tags=["usage"])


class SumsBody(BaseModel):
    questions: int
    answered: int
    abstained: int
    failed: int
    cached: int = Field(description="Answered or abstained with what was said before.")
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cost: float | None = Field(description="At the prices of RAG_GENERATOR_POLICY; null where none is known.")


class DayBody(SumsBody):
    day: str = Field(description="In UTC.")


class CallerSums(SumsBody):
    caller: str = Field(description="A key's id, a site's, `local`, or `others`.")
    label: str


class GeneratorSums(SumsBody):
    generator: str


class UsageReport(BaseModel):
    days: list[DayBody] = Field(description="Oldest first, without gaps.")
    by_caller: list[CallerSums] = Field(description="Most questions first; all visitors of a site together.")
    by_generator: list[GeneratorSums]
    total: SumsBody

    @classmethod
    def of(cls, report: Report) -> "UsageReport":
        return cls(
            days=[DayBody(day=day, **asdict(sums)) for day, sums in report.days.items()],
            by_caller=[
                CallerSums(caller=caller, label=report.labels.get(caller, caller), **asdict(sums))
                for caller, sums in report.callers.items()
            ],
            by_generator=[GeneratorSums(generator=name, **asdict(sums)) for name, sums in report.generators.items()],
            total=SumsBody(**asdict(sum(report.days.values(), Sums()))),
        )


@router.get("")
def usage(services: ServicesDep, _caller: Administrator, days: Annotated[int, Query(ge=1, le=366)] = 30) -> UsageReport:
    """Sum up the last days, today included."""
    return UsageReport.of(services.usage.report(days))
