"""Hits to messages: numbered sources, fenced as data, within the engine's context. The texts are in prompts/."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.types import Hit, Turn

PROMPTS = Path(__file__).parent / "prompts"
ABSTENTION = "The documents do not say."
CHARS_PER_TOKEN = 3  # English has about 4; low, so that the prompt never outgrows the context
HISTORY_TURNS = 6

Message = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A prompt file: the fixed first message, and what the engine is sent with it."""

    version: str
    system: str
    temperature: float
    stop: list[str]
    extra: dict[str, Any]


def load_prompt(model: str) -> Prompt:
    """Return the prompt file named like the model, else the default one."""
    named = PROMPTS / f"{Path(model).name}.toml"
    path = named if named.is_file() else PROMPTS / "default.toml"
    return Prompt(**tomllib.loads(path.read_text(encoding="utf-8")))


def fitting(hits: Sequence[Hit], prompt: Prompt, question: str, room_tokens: int) -> list[Hit]:
    """Return the first hits that fit `room_tokens` together with the prompt and the question."""
    room = room_tokens * CHARS_PER_TOKEN - len(prompt.system) - len(question)
    kept: list[Hit] = []
    for hit in hits:
        room -= len(_source(0, hit))
        if room < 0:
            break
        kept.append(hit)
    return kept


def messages(prompt: Prompt, question: str, hits: Sequence[Hit], history: Sequence[Turn]) -> list[Message]:
    """Return system, earlier turns, and the sources numbered from 1 with the question."""
    sources = "\n\n".join(_source(n, hit) for n, hit in enumerate(hits, start=1))
    earlier = [{"role": turn.role, "content": turn.content} for turn in history[-HISTORY_TURNS:]]
    asked = f"<sources>\n{sources}\n</sources>\nQuestion: {_unfenced(' '.join(question.split()))}\nAnswer:"
    return [{"role": "system", "content": prompt.system.strip()}, *earlier, {"role": "user", "content": asked}]


def _source(n: int, hit: Hit) -> str:
    place = f"page {hit.page}" if hit.page else hit.section
    heading = f"[{n}] {hit.title}" + (f" ({place})" if place else "")
    header = hit.context.partition("\n")[2]  # a table's header row
    return _unfenced("\n".join(part for part in (heading, header, hit.text.strip()) if part))


def _unfenced(text: str) -> str:
    """Take the fence's own words out of quoted text, so that it cannot end the fence."""
    return text.replace("<sources>", "(sources)").replace("</sources>", "(/sources)")
