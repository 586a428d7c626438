"""Prompt files, and what they make of sources and a question: numbered, fenced as data. The texts are in prompts/."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from rag.errors import ConfigurationError
from rag.types import Hit, NumberedHit

PROMPTS = Path(__file__).parent / "prompts"
ABSTENTION = "The documents do not say."
BEST_FIRST = 4  # so few passages stay in the order of their ranks
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
    name: str = ""


def load_prompt(name: str, language: str = "", folder: Path | None = None) -> Prompt:
    """Return the prompt file of this name, a model's as a rule; else the default one; rather in this language.

    A file in `folder` goes before the packaged one of the same name. Raise ConfigurationError if it is no prompt.
    """
    names = [Path(name).name, "default"] if name else ["default"]
    endings = [f".{language}", ""] if language else [""]
    tried = [f"{one}{ending}" for one in names for ending in endings]
    places = [place for place in (folder, PROMPTS) if place]
    path = next(path for stem, place in product(tried, places) if (path := place / f"{stem}.toml").is_file())
    try:
        return Prompt(name=path.stem, **tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as exc:
        raise ConfigurationError(f"{path}: {exc}. Compare it with default.toml in rag/prompts/.") from exc


def own_prompts(folder: Path) -> list[str]:
    """Return the texts of the files in an operator's folder, by name."""
    return [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.toml"))]


def check_prompts(folder: Path) -> None:
    """Raise ConfigurationError for the first file in an operator's folder that is no prompt."""
    for path in sorted(folder.glob("*.toml")):
        load_prompt(path.stem, folder=folder)


def passage(source: NumberedHit) -> str:
    """Return a source as the model reads it: number, title and place, a table's header row, the text."""
    hit = source.hit
    place = f"page {hit.page}" if hit.page else hit.section
    heading = f"[{source.n}] {hit.title}" + (f" ({place})" if place else "")
    header = hit.context.partition("\n")[2]
    return "\n".join(part for part in (heading, header, hit.text.strip()) if part)


def numbered_passages(sources: Sequence[NumberedHit]) -> str:
    """Return the sources, best first, as one text. Of more than a few, the best are at its beginning and its end.

    What stands in the middle of a long prompt is used least: Liu et al. 2023, "Lost in the middle".
    """
    placed = list(sources)
    if len(placed) > BEST_FIRST:
        placed = placed[::2] + placed[1::2][::-1]
    return "\n\n".join(passage(source) for source in placed)


def system_messages(prompt: Prompt) -> list[Message]:
    """Return the message that is the same for every question, or none."""
    return [{"role": "system", "content": prompt.system.strip()}] if prompt.system else []


def asked(prompt: Prompt, question: str, sources: str) -> Message:
    """Return the question's message with its sources, out of which nothing breaks."""
    fields = {"{question}": " ".join(question.split()), "{sources}": sources}
    content = _PLACEHOLDER.sub(lambda match: _unfenced(fields[match.group()]), prompt.user)
    return {"role": "user", "content": content.strip()}


def numbered(hits: Sequence[Hit], after: int = 0) -> list[NumberedHit]:
    """Return the hits as they are, with the numbers that follow `after`."""
    return [NumberedHit(n=n, hit=hit, chunk_ids=(hit.chunk_id,)) for n, hit in enumerate(hits, after + 1)]


def _unfenced(text: str) -> str:
    """Take the fence's own words out of quoted text, so that it cannot end the fence."""
    return _FENCE.sub("(sources)", text)
