"""Hits to messages: numbered sources, fenced as data, within the engine's context. The texts are in prompts/."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.types import Hit, Turn

PROMPTS = Path(__file__).parent / "prompts"
ABSTENTION = "The documents do not say."
CHARS_PER_TOKEN = 3  # English has about 4; low, so that the prompt never outgrows the context
_PLACEHOLDER = re.compile(r"\{question\}|\{sources\}")
_FENCE = re.compile(r"</?\s*sources\s*>", re.IGNORECASE)

Message = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A prompt file: a fixed first message, the template of the question's, and what the engine is sent with them.

    With `sentences`, the model gets that many of the closest sentences in place of whole passages.
    """

    version: str
    system: str
    user: str
    temperature: float
    stop: list[str]
    sentences: int
    extra: dict[str, Any]


def load_prompt(name: str) -> Prompt:
    """Return the prompt file of this name, a model's as a rule; else the default one."""
    named = PROMPTS / f"{Path(name).name}.toml"
    path = named if named.is_file() else PROMPTS / "default.toml"
    return Prompt(**tomllib.loads(path.read_text(encoding="utf-8")))


def numbered_passages(hits: Sequence[Hit], prompt: Prompt, question: str, room_tokens: int) -> str:
    """Return the first passages, numbered from 1, that fit `room_tokens` with the prompt and the question."""
    room = room_tokens * CHARS_PER_TOKEN - len(prompt.system) - len(prompt.user) - len(question)
    kept: list[str] = []
    for n, hit in enumerate(hits, start=1):
        passage = _passage(n, hit)
        room -= len(passage)
        if room < 0:
            break
        kept.append(passage)
    return "\n\n".join(kept)


def recent(history: Sequence[Turn], room_tokens: int) -> list[Turn]:
    """Return the last whole turns that fit `room_tokens`."""
    room, kept = room_tokens * CHARS_PER_TOKEN, 0
    for turn in reversed(history):
        room -= len(turn.content)
        if room < 0:
            break
        kept += 1
    return list(history[len(history) - kept :])


def messages(prompt: Prompt, question: str, sources: str, history: Sequence[Turn]) -> list[Message]:
    """Return the system message, the earlier turns, and the question with its sources."""
    fields = {"{question}": " ".join(question.split()), "{sources}": sources}
    asked = _PLACEHOLDER.sub(lambda match: _unfenced(fields[match.group()]), prompt.user).strip()
    earlier = [{"role": turn.role, "content": turn.content} for turn in history]
    system = [{"role": "system", "content": prompt.system.strip()}] if prompt.system else []
    return [*system, *earlier, {"role": "user", "content": asked}]


def _passage(n: int, hit: Hit) -> str:
    place = f"page {hit.page}" if hit.page else hit.section
    heading = f"[{n}] {hit.title}" + (f" ({place})" if place else "")
    header = hit.context.partition("\n")[2]  # a table's header row
    return "\n".join(part for part in (heading, header, hit.text.strip()) if part)


def _unfenced(text: str) -> str:
    """Take the fence's own words out of quoted text, so that it cannot end the fence."""
    return _FENCE.sub("(sources)", text)
