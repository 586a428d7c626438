"""The bodies of requests and answers about conversations, as the API documents them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from api.schemas import Request, SourceBody
from rag.conversations import Conversation, PastTurn


class ConversationPatch(Request):
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class ConversationBody(BaseModel):
    id: str
    title: str
    created_at: str
    updated_at: str = Field(description="When it was last asked something.")

    @classmethod
    def of(cls, conversation: Conversation) -> "ConversationBody":
        return cls(
            id=conversation.id,
            title=conversation.title,
            created_at=_iso(conversation.created_at),
            updated_at=_iso(conversation.updated_at),
        )


class ConversationList(BaseModel):
    conversations: list[ConversationBody]
    next_cursor: str | None


class PastTurnBody(BaseModel):
    question: str
    answer: str
    abstained: bool
    gone: bool = Field(description="Whether the answer is replaced: a document that it rested on is no longer there.")
    trace_id: str
    at: str
    sources: list[SourceBody] = Field(description="Those that this turn added; numbers go on through a conversation.")

    @classmethod
    def of(cls, turn: PastTurn) -> "PastTurnBody":
        return cls(
            question=turn.question,
            answer=turn.answer,
            abstained=turn.abstained,
            gone=turn.is_gone,
            trace_id=turn.trace_id,
            at=_iso(turn.at),
            sources=[SourceBody.numbered(source.n, source.hit) for source in turn.sources],
        )


class WholeConversation(ConversationBody):
    turns: list[PastTurnBody]

    @classmethod
    def of(cls, conversation: Conversation) -> "WholeConversation":
        turns = [PastTurnBody.of(turn) for turn in conversation.turns]
        return cls(**ConversationBody.of(conversation).model_dump(), turns=turns)


def as_markdown(conversation: Conversation) -> str:
    """Return a conversation as a text for people: every question, its answer, and what it rests on."""
    parts = [f"# {conversation.title}"]
    for turn in conversation.turns:
        question = " ".join(turn.question.split())
        parts += [f"## {question}", f"_{_iso(turn.at)}_", turn.answer]
        lines = [
            f"- [{source.n}] {source.hit.title}{_place(source.hit.page, source.hit.section)}" for source in turn.sources
        ]
        parts += ["\n".join(lines)] if lines else []
    return "\n\n".join(parts) + "\n"


def _place(page: int | None, section: str | None) -> str:
    place = f"page {page}" if page else section
    return f", {place}" if place else ""


def _iso(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat()
