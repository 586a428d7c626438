"""WebVTT subtitles: who says what, as running text; the time stays beside the words."""

import html
import re
from itertools import groupby
from pathlib import Path

from ingest.parse.encodings import read_text
from rag.types import Block, ParsedDocument

_TIMES = re.compile(r"((?:\d+:)?\d\d:\d\d)[.,]\d{3}\s+-->")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)*\s+([^>]+)>")
_TAG = re.compile(r"<[^>]*>")
PART_CUES = 40  # in a block: about two minutes of talk


def parse_vtt(path: Path, filename: str) -> ParsedDocument:
    """A paragraph for each turn of a speaker, beginning with the time: `[00:11] Name: words`."""
    cues = []
    head, *parts = re.split(r"\n\s*\n", read_text(path).strip())
    for part in parts:
        lines = part.splitlines()
        at = next((number for number, line in enumerate(lines) if _TIMES.match(line)), None)
        if at is None:  # NOTE, STYLE, REGION
            continue
        times = _TIMES.match(lines[at])
        words = " ".join(lines[at + 1 :])
        voice = _VOICE.search(words)
        text = " ".join(html.unescape(_TAG.sub("", words)).split())
        if times and text:
            cues.append((times.group(1), voice.group(1).strip() if voice else "", text))
    title = head.removeprefix("WEBVTT").strip(" -\n").split("\n")[0]
    return ParsedDocument(title=title or Path(filename).stem, blocks=tuple(_blocks(cues)))


def _blocks(cues: list[tuple[str, str, str]]) -> list[Block]:
    blocks = []
    for start in range(0, len(cues), PART_CUES):
        turns = []
        for speaker, group in groupby(cues[start : start + PART_CUES], key=lambda cue: cue[1]):
            said = list(group)
            name = f"{speaker}: " if speaker else ""
            turns.append(f"[{said[0][0]}] {name}{' '.join(text for _, _, text in said)}")
        blocks.append(Block(text="\n\n".join(turns)))
    return blocks
