"""Questions that the service answered badly, or not at all: what the documents lack."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.auth import Administrator, ServicesDep
from api.trace_schemas import iso
from rag.questions import BadAnswer, Topic, bad_answers, topics

router = APIRouter(prefix="/v1/questions", tags=["traces"])


class BadAnswerBody(BaseModel):
    trace_id: str
    at: str
    question: str
    unanswered: bool
    withheld: str = Field(description="Why there was no answer; empty if there was one.")
    thumbs_down: int
    reasons: list[str] = Field(description="What people said is wrong.")

    @classmethod
    def of(cls, bad: BadAnswer) -> "BadAnswerBody":
        return cls(**vars(bad) | {"at": iso(bad.at), "reasons": list(bad.reasons)})


class TopicBody(BaseModel):
    name: str = Field(description="The most central of its questions.")
    count: int
    questions: list[BadAnswerBody] = Field(description="Newest first.")

    @classmethod
    def of(cls, topic: Topic) -> "TopicBody":
        questions = [BadAnswerBody.of(one) for one in topic.questions]
        return cls(name=topic.name, count=len(questions), questions=questions)


class TopicList(BaseModel):
    topics: list[TopicBody] = Field(description="The largest first.")
    total_topics: int
    total_questions: int = Field(description="At most 1,000, the newest.")


@router.get("")
def list_questions(
    services: ServicesDep,
    caller: Administrator,
    days: Annotated[float, Query(gt=0, le=366)] = 7,
    limit: Annotated[int, Query(ge=1, le=100, description="Topics.")] = 20,
    offset: Annotated[int, Query(ge=0, description="Topics to leave out: for the next page.")] = 0,
) -> TopicList:
    """List the questions that got no answer or a thumbs-down, by topic."""
    del caller
    found = bad_answers(services.engine, days)
    grouped = topics(found, services.retriever.indexes.serving().embedder)
    return TopicList(
        topics=[TopicBody.of(topic) for topic in grouped[offset : offset + limit]],
        total_topics=len(grouped),
        total_questions=len(found),
    )
