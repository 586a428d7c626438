"""Conversations: list, read, export, rename and delete one's own."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse, Response

from api.auth import Asker, ServicesDep
from api.conversation_schemas import (
    ConversationBody,
    ConversationList,
    ConversationPatch,
    WholeConversation,
    as_markdown,
)

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])


@router.get("")
def list_conversations(
    services: ServicesDep,
    caller: Asker,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> ConversationList:
    """List the caller's conversations, the one that was asked last first."""
    found, next_cursor = services.conversations.page(caller, cursor=cursor, limit=limit)
    return ConversationList(conversations=[ConversationBody.of(one) for one in found], next_cursor=next_cursor)


@router.get("/{conversation_id}", response_model=WholeConversation)
def get_conversation(
    conversation_id: str, services: ServicesDep, caller: Asker, format: Literal["json", "markdown"] = "json"
) -> WholeConversation | Response:
    """Return a conversation with its turns: what can be exported of it, as JSON or as a text for people."""
    found = services.conversations.read(conversation_id, caller)
    if format == "markdown":
        return PlainTextResponse(as_markdown(found), media_type="text/markdown")
    return WholeConversation.of(found)


@router.patch("/{conversation_id}")
def rename_conversation(
    conversation_id: str, services: ServicesDep, caller: Asker, body: ConversationPatch
) -> ConversationBody:
    return ConversationBody.of(services.conversations.rename(conversation_id, body.title, caller))


@router.delete("/{conversation_id}", status_code=204)
def delete_conversation(conversation_id: str, services: ServicesDep, caller: Asker) -> None:
    """Delete a conversation with its turns at once."""
    services.conversations.delete(conversation_id, caller)
