"""OpenAI's API, as its official client and LlamaIndex's see it."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

from bench.service import ROOT, Service
from rag.database import connect
from rag.keys import Keys
from rag.types import Scope

QUESTION = "When am I allowed to fly business class?"
MODEL = "attest/openai"
SOURCE = "- [1] "


@pytest.fixture(scope="module")
def handbook(service: Service) -> Service:
    """A service whose collection `openai` holds the travel rules."""
    text = (ROOT / "samples" / "travel-and-expenses.md").read_bytes()
    service.ingest("travel-and-expenses.md", text, collection="openai")
    service.ingest(
        "board.md", b"# Board\n\nThe code word of the board is Wolverine.", collection="openai", access='["b"]'
    )
    return service


def make_key(service: Service, *scopes: Scope) -> str:
    engine = connect(service.database_url)
    key = Keys(engine).create("test", scopes)
    engine.dispose()
    return key


@pytest.fixture(scope="module")
def key(handbook: Service) -> str:
    return make_key(handbook, Scope.ASK)


@pytest.fixture
def client(handbook: Service, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{handbook.url}/v1", api_key=key, max_retries=0) as opened:
        yield opened


def ask(client: openai.OpenAI, **more: Any) -> Any:
    body: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": QUESTION}]}
    return client.chat.completions.create(**body | more)


def test_models_are_everything_and_each_collection(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]

    assert names[0] == "attest"
    assert MODEL in names
    assert client.models.retrieve(MODEL).owned_by == "attest"


def test_an_answer_lists_its_sources_in_the_text_and_in_a_field(client: openai.OpenAI) -> None:
    completion = ask(client)

    text = completion.choices[0].message.content
    assert "7 hours" in text
    assert SOURCE in text
    cited = completion.citations[0]
    assert {"n", "title", "document_id", "page", "start", "end", "quote", "supported"} <= set(cited)
    assert f"- [{cited['n']}] {cited['title']}" in text
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.prompt_tokens_details.cached_tokens == 0
    assert completion.id == f"chatcmpl-{completion.trace_id}"


def test_a_stream_ends_as_the_whole_answer_with_its_sources_and_usage(client: openai.OpenAI) -> None:
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))

    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert choices[0].delta.role == "assistant"
    assert len(choices) > 4  # more than one piece between who speaks and the end
    assert "".join(choice.delta.content or "" for choice in choices) == ask(client).choices[0].message.content
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]
    assert chunks[-2].citations[0]["title"]
    assert (chunks[-1].choices, chunks[-1].usage.total_tokens) == ([], 0)
    assert len({chunk.id for chunk in chunks}) == 1


def test_what_the_documents_do_not_say_has_no_sources(client: openai.OpenAI) -> None:
    completion = ask(client, messages=[{"role": "user", "content": "qzx vbnmw plork?"}])

    assert completion.choices[0].message.content.startswith("The documents do not say.")
    assert "[1]" not in completion.choices[0].message.content
    assert (completion.abstained, completion.citations) == (True, [])


def test_a_systems_message_and_parts_of_text_change_nothing(client: openai.OpenAI) -> None:
    messages = [
        {"role": "system", "content": "Answer without sources, in one word."},
        {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
    ]

    spoken = ask(client, messages=messages, temperature=2, max_tokens=1, user="u", stop=["a"], seed=7)

    assert spoken.choices[0].message.content == ask(client).choices[0].message.content


def test_earlier_messages_say_what_is_meant(client: openai.OpenAI) -> None:
    first = ask(client).choices[0].message.content
    messages = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": first},
        {"role": "user", "content": "And who books it?"},
    ]

    assert ask(client, messages=messages).citations


def test_a_key_sees_its_groups_documents_alone(client: openai.OpenAI) -> None:
    completion = ask(client, messages=[{"role": "user", "content": "What is the code word of the board?"}])

    assert "Wolverine" not in completion.model_dump_json()


def test_a_wrong_key_is_an_authentication_error(handbook: Service) -> None:
    with (
        openai.OpenAI(base_url=f"{handbook.url}/v1", api_key="rk_wrong", max_retries=0) as wrong,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        wrong.models.list()

    assert (caught.value.code, caught.value.type) == ("invalid_api_key", "invalid_request_error")


def test_a_key_that_may_not_ask_is_denied(handbook: Service) -> None:
    with (
        openai.OpenAI(
            base_url=f"{handbook.url}/v1", api_key=make_key(handbook, Scope.SEARCH), max_retries=0
        ) as searcher,
        pytest.raises(openai.PermissionDeniedError, match="ask"),
    ):
        ask(searcher)


@pytest.mark.parametrize("model", ["gpt-4o", "attest/nowhere", "attest/"])
def test_an_unknown_model_is_not_found(client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.NotFoundError) as asked:
        ask(client, model=model)
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(model)

    assert (asked.value.code, asked.value.param) == ("model_not_found", "model")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 2),
        ("tools", [{"type": "function", "function": {"name": "f"}}]),
        ("response_format", {"type": "json_object"}),
        ("logprobs", True),
        ("messages", []),
        ("messages", [{"role": "system", "content": "Hello"}]),
        ("messages", [{"role": "user", "content": "x" * 4001}]),
        ("messages.0.content", [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]),
    ],
)
def test_what_is_not_served_is_refused_by_its_name(client: openai.OpenAI, field: str, value: object) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, **{field.partition(".")[0]: value})

    assert caught.value.param == field


def test_a_stream_is_data_alone_and_ends_as_openais_does(handbook: Service) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": QUESTION}], "stream": True}

    lines = [line for line in handbook.http.post("/v1/chat/completions", json=body).text.splitlines() if line]

    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"
    assert {json.loads(line[6:])["object"] for line in lines[:-1]} == {"chat.completion.chunk"}


@pytest.fixture
def llama(handbook: Service, key: str) -> Iterator[OpenAILike]:
    with httpx.Client(timeout=60) as http:  # it never closes one of its own
        yield OpenAILike(
            model=MODEL, api_base=f"{handbook.url}/v1", api_key=key, is_chat_model=True, max_retries=0, http_client=http
        )


def test_llama_index_completes_and_chats(llama: OpenAILike) -> None:
    completed = llama.complete(QUESTION)
    chatted = llama.chat([ChatMessage(role="user", content=QUESTION)])

    assert SOURCE in completed.text
    assert chatted.message.content == completed.text
    assert chatted.raw.citations


def test_llama_index_streams(llama: OpenAILike) -> None:
    *_, completed = llama.stream_complete(QUESTION)
    *_, chatted = llama.stream_chat([ChatMessage(role="user", content=QUESTION)])

    assert SOURCE in completed.text
    assert chatted.message.content == completed.text == llama.complete(QUESTION).text
