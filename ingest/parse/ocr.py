"""A picture to characters with boxes: RapidOCR, which is packaged; tesseract for what it cannot read, if installed."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ingest.parse.layout import Boxes, Page

Pixels = NDArray[np.uint8]  # (height, width, 3), RGB
Box = tuple[float, float, float, float]  # left, top, right, bottom

MIN_CONFIDENCE = 0.5
SURE = 0.8  # mean confidence of a picture that stands upright and whose letters the model knows
DOUBTFUL = 0.85  # what is less is mostly of another script than the model knows
DOUBTFUL_SHARE = 0.1  # of the lines: so many, and tesseract has a try
TESSERACT_S = 60
WORD_GAP = 0.2  # of a word's height
NO_LANGUAGES = {"osd", "equ", "snum"}


@dataclass(frozen=True, kw_only=True)
class Found:
    """Lines with their (left, top, right, bottom) in pixels and confidence 0 to 1."""

    lines: tuple[tuple[str, Box, float], ...] = ()

    @property
    def confidence(self) -> float:
        """Mean over the characters."""
        chars = sum(len(text) for text, _, _ in self.lines)
        return sum(len(text) * sure for text, _, sure in self.lines) / chars if chars else 0.0

    @property
    def score(self) -> float:
        return sum(len(text) * max(sure - MIN_CONFIDENCE, 0) for text, _, sure in self.lines)


def read_picture(pixels: Pixels, scale: float = 1.0) -> Page:
    """Return the characters in a picture, boxes divided by `scale`; a page on its side or head is read, too."""
    found, turns = _upright(pixels)
    height, width = pixels.shape[:2]
    codes: list[str] = []
    boxes: list[Box] = []
    for text, (left, top, right, bottom), _ in found.lines:
        step = (right - left) / len(text)
        codes += [*text, "\n"]
        boxes += [(left + step * n, top, left + step * (n + 1), bottom) for n in range(len(text))] + [(0, 0, 0, 0)]
    upright = _turned_back(np.array(boxes, np.float32).reshape(-1, 4), turns, width, height)
    return Page(codes=codes, boxes=upright / np.float32(scale))


def _upright(pixels: Pixels) -> tuple[Found, int]:
    """Return what is read, after how many quarter turns to the left, from the direction that reads best."""
    first, is_sideways = _rapid(pixels)
    tries = [(first, 0)]
    if is_sideways:
        for turns in (3, 1):
            tries.append((_rapid(np.ascontiguousarray(np.rot90(pixels, turns)))[0], turns))
            if tries[-1][0].confidence > SURE:
                break
    elif first.lines and first.confidence < SURE:
        tries.append((_rapid(np.ascontiguousarray(np.rot90(pixels, 2)))[0], 2))
    best, turns = max(tries, key=lambda one: one[0].score)
    sure = [line for line in best.lines if line[2] >= DOUBTFUL]
    if len(best.lines) - len(sure) >= DOUBTFUL_SHARE * len(best.lines):
        others = _tesseract(np.ascontiguousarray(np.rot90(pixels, turns))).lines
        new = [line for line in others if not any(_overlap(line[1], known[1]) > 0.5 for known in sure)]
        best = max(best, Found(lines=(*sure, *new)), key=lambda found: found.score)
    return best, turns


def _overlap(one: Box, other: Box) -> float:
    """Return how much of a box another covers, 0 to 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0) / max((one[2] - one[0]) * (one[3] - one[1]), 1)


def _turned_back(boxes: Boxes, turns: int, width: int, height: int) -> Boxes:
    """Boxes in the picture after np.rot90(picture, turns) to boxes in the (height, width) picture before."""
    left, top, right, bottom = boxes.T
    if turns == 1:
        return np.stack([width - bottom, left, width - top, right], axis=1)
    if turns == 2:
        return np.stack([width - right, height - bottom, width - left, height - top], axis=1)
    if turns == 3:
        return np.stack([top, height - right, bottom, height - left], axis=1)
    return boxes


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR  # 0.6 s and 150 MB: only for the documents that need it

    return RapidOCR(
        params={
            "Global.log_level": "error",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        }
    )


def _rapid(pixels: Pixels) -> tuple[Found, bool]:
    """Return the lines that RapidOCR reads, and whether most of them stand on their side."""
    found = _engine()(pixels, use_cls=False)  # turning single lines takes a third of the time; whole pages are turned
    if found.boxes is None:
        return Found(), False
    lines, tall = [], 0
    for corners, text, sure in zip(found.boxes, found.txts, found.scores, strict=True):
        (left, top), (right, bottom) = np.min(corners, axis=0), np.max(corners, axis=0)
        tall += bottom - top > 1.5 * (right - left)
        if text.strip() and sure >= MIN_CONFIDENCE:
            lines.append((text, (float(left), float(top), float(right), float(bottom)), float(sure)))
    return Found(lines=tuple(lines)), tall > 0.5 * len(found.boxes)


def _tesseract(pixels: Pixels) -> Found:
    """Return the lines that tesseract reads in all its languages; none if it is not installed or fails."""
    program = shutil.which("tesseract")
    if program is None:
        return Found()
    picture = BytesIO()
    Image.fromarray(pixels).save(picture, "PPM")
    try:
        known = _run([program, "--list-langs"], b"").split("\n")[1:]
        languages = "+".join(name.strip() for name in known if name.strip() and name.strip() not in NO_LANGUAGES)
        return _from_tsv(_run([program, "-", "-", "-l", languages, "tsv"], picture.getvalue()))
    except (OSError, subprocess.SubprocessError):
        return Found()


def _run(command: list[str], given: bytes) -> str:
    done = subprocess.run(command, input=given, capture_output=True, timeout=TESSERACT_S, check=True)  # noqa: S603
    return done.stdout.decode("utf-8", "replace")


def _from_tsv(tsv: str) -> Found:
    """Join tesseract's words to lines."""
    lines: dict[tuple[str, ...], list[tuple[str, Box, float]]] = {}
    for row in tsv.splitlines()[1:]:
        fields = row.split("\t")
        if len(fields) == 12 and fields[11].strip() and float(fields[10]) >= 0:
            left, top, width, height = map(float, fields[6:10])
            box = (left, top, left + width, top + height)
            lines.setdefault(tuple(fields[1:5]), []).append((fields[11], box, float(fields[10]) / 100))
    columns = [tuple(zip(*words, strict=True)) for words in lines.values()]
    return Found(
        lines=tuple((_spaced(texts, boxes), _around(boxes), sum(sure) / len(sure)) for texts, boxes, sure in columns)
    )


def _spaced(texts: Sequence[str], boxes: Sequence[Box]) -> str:
    """Join words; tesseract parts Korean and Chinese ones into syllables, between which there is no room."""
    text = texts[0]
    for word, before, box in zip(texts[1:], boxes, boxes[1:], strict=False):
        is_apart = box[0] - before[2] > WORD_GAP * (box[3] - box[1]) or (text[-1] + word[0]).isascii()
        text += f" {word}" if is_apart else word
    return text


def _around(boxes: Sequence[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
