"""The bodies of OpenAI's API, as far as they mean something here. What a request has beyond that is not read."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.cited import CitedBody
from rag.types import Usage


class Lenient(BaseModel):
    """OpenAI's clients send many fields; those that are not read change nothing."""

    model_config = ConfigDict(extra="ignore")


class Part(Lenient):
    type: str
    text: str = ""


class MessageBody(Lenient):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(Lenient):
    include_usage: bool | None = None


class ChatRequest(Lenient):
    """The last user message is the question, the user's and assistant's before it are its history."""

    model: str = Field(description="`attest`, or `attest/` and a collection's name.")
    messages: list[MessageBody] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(None, description="1: there is one answer.")
    tools: list[Any] | None = Field(None, description="None: refused.")
    functions: list[Any] | None = Field(None, description="None: refused.")
    response_format: dict[str, Any] | None = Field(None, description="`text`; other types are refused.")
    logprobs: bool | None = Field(None, description="Refused if true.")


class ChatMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(BaseModel):
    index: int = 0
    message: ChatMessage
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class CachedTokens(BaseModel):
    cached_tokens: int


class ChatUsage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: CachedTokens

    @classmethod
    def of(cls, usage: Usage) -> "ChatUsage":
        return cls(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            total_tokens=usage.prompt_tokens + usage.completion_tokens,
            prompt_tokens_details=CachedTokens(cached_tokens=usage.cached_tokens),
        )


class Extra(BaseModel):
    """What OpenAI's answers do not have."""

    citations: list[CitedBody]
    abstained: bool = Field(description="Whether the answer is that the documents do not say.")
    generator: str = Field(description="The model that wrote the answer, or `extractive` for quoted passages.")
    trace_id: str


class ChatCompletion(Extra):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: ChatUsage


class ModelBody(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int = Field(0, description="Always 0.")
    owned_by: str = "attest"


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelBody]
