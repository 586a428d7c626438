"""Texts are counted by the engine where it can, each once, and estimated where it cannot."""

from functools import partial
from typing import Any

import anyio
import httpx
import pytest

from rag.budget import TokenCounter, estimate
from tests.http_server import Answer, Exchange, serving


def counted(url: str, *batches: list[str]) -> list[list[int]]:
    async def count() -> list[list[int]]:
        async with httpx.AsyncClient(trust_env=False) as client:
            counter = TokenCounter(client, url)
            return [await counter.count(texts, "small-model") for texts in batches]

    return anyio.run(count)


def counting(exchange: Exchange) -> None:
    exchange.send_json({"count": len(exchange.body["prompt"].split()), "max_model_len": 4096})


def listing(exchange: Exchange) -> None:
    exchange.send_json({"tokens": exchange.body["content"].split()})


@pytest.mark.parametrize("answer", [counting, listing])
def test_texts_are_counted_as_vllm_and_as_llama_cpp_count_them(answer: Answer) -> None:
    with serving({"/tokenize": answer}) as server:
        assert counted(server.url, ["one", "one two three"]) == [[1, 3]]

    assert {request.body["add_special_tokens"] for request in server.seen} == {False}


def test_a_text_is_counted_once() -> None:
    with serving({"/tokenize": counting}) as server:
        counts = counted(server.url, ["a b", "a b", "c"], ["c", "d", "a b"])

    assert counts == [[2, 2, 1], [1, 1, 2]]
    assert sorted(request.body["prompt"] for request in server.seen) == ["a b", "c", "d"]


@pytest.mark.parametrize("body", [{"error": "no such call"}, {"tokens": 3}, []])
def test_an_engine_that_does_not_count_is_asked_once_and_the_texts_are_estimated(body: Any) -> None:
    status = 404 if isinstance(body, dict) and "error" in body else 200
    with serving({"/tokenize": partial(Exchange.send_json, body=body, status=status)}) as server:
        counts = counted(server.url, ["some words"], ["other words"])

    assert counts == [[estimate("some words")], [estimate("other words")]]
    assert len(server.seen) == 1


def test_an_engine_that_fails_once_is_asked_again() -> None:
    answers = [503, 200]

    def answer(exchange: Exchange) -> None:
        exchange.send_json({"count": 7}, status=answers.pop(0))

    with serving({"/tokenize": answer}) as server:
        assert counted(server.url, ["some words"], ["some words"]) == [[estimate("some words")], [7]]


def test_an_estimate_is_about_a_token_for_a_chinese_letter_a_digit_and_three_latin_letters() -> None:
    assert estimate("年假有多少天") == 7
    assert estimate("2025-11") == 8
    assert estimate("holidays") == 3
