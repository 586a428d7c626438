"""`rag questions`: what people asked in vain, by topic."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Console

from rag.cli.client import Client
from rag.settings import load_settings

PAGE = 100
Fields = dict[str, Any]


def questions(
    days: Annotated[float, typer.Option(min=0.01, max=366, help="How far back.")] = 7,
) -> None:
    """Show the questions that got no answer, or a thumbs-down, by topic."""
    console, client = Console(), Client(load_settings())
    for line in question_lines(list(_topics(client, days))):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _topics(client: Client, days: float) -> Iterator[Fields]:
    offset, total = 0, 1
    while offset < total:
        page = client.call("GET", f"/v1/questions?days={days}&limit={PAGE}&offset={offset}")
        yield from page["topics"]
        offset, total = offset + PAGE, page["total_topics"]


def question_lines(topics: list[Fields]) -> Iterator[str]:
    """Yield each topic with its questions: when, the trace's id, and what is known against the answer."""
    yield f"{sum(topic['count'] for topic in topics)} questions, {len(topics)} topics"
    for topic in topics:
        yield f"{topic['count']:>4}  {topic['name']}"
        for one in topic["questions"]:
            against = [one["withheld"]] if one["withheld"] else ["withheld"] if one["unanswered"] else []
            against += [f"thumbs down: {one['thumbs_down']}"] if one["thumbs_down"] else []
            said = ", ".join(against + one["reasons"])
            yield f"      {one['at'][:16]}  {one['trace_id']}  {one['question']}  ({said})"
