"""A folder with `corpus.jsonl`, `queries.jsonl` and `qrels.tsv` to passages, queries and which passages answer which.

docs/evaluate.md describes the files. What a file lacks is an EvaluationFailed that names the file and the line.
A set without `corpus.jsonl` is about documents that the service has, and names them by their ids.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.evaluate.errors import EvaluationFailed
from rag.types import Turn

MOST_SLICES = 50
ROLES = {"user", "assistant"}
Fields = Mapping[str, Any]
Filter = Mapping[str, Set[str]]  # field -> the values that are taken


@dataclass(frozen=True, kw_only=True)
class Passage:
    """One entry of the corpus: a document for the service."""

    id: str
    title: str
    text: str

    def markdown(self) -> str:
        """Return it as a Markdown file whose front matter has the title, which is then no part of the text."""
        return f'---\ntitle: "{self.title}"\n---\n\n{self.text}' if self.title else self.text

    @property
    def name(self) -> str:
        """What a person tells it by."""
        return f"{self.title or ' '.join(self.text.split())[:60]} ({self.id})"


@dataclass(frozen=True, kw_only=True)
class Query:
    """A question, the conversation before it, whether the passages answer it, and all fields of its line."""

    id: str
    text: str
    history: tuple[Turn, ...]
    is_answerable: bool
    fields: Fields

    @property
    def answers(self) -> list[str]:
        """Return the answers that are known."""
        return _values(self.fields.get("answers"))


@dataclass(frozen=True, kw_only=True)
class EvaluationSet:
    """What is asked of what. `gold` has the grades (1 or more) of the passages that answer a query, if any do.

    `is_live`: its passages are documents of the service itself, known by their ids alone.
    """

    name: str
    is_live: bool = False
    passages: Mapping[str, Passage]
    queries: Sequence[Query]
    gold: Mapping[str, Mapping[str, int]]

    @property
    def collection(self) -> str:
        """Return the collection's name: another one whenever a passage is another; "" for the service's own."""
        if self.is_live:
            return ""
        digest = hashlib.sha256()
        for passage in sorted(self.passages.values(), key=lambda passage: passage.id):
            digest.update(json.dumps([passage.id, passage.title, passage.text]).encode())
        slug = re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")[:40]
        return f"eval-{slug or 'set'}-{digest.hexdigest()[:8]}"

    def slices(self, field: str) -> dict[str, list[str]]:
        """Return the ids of the queries by their value of `field`, as `field=value`; a list's values count each."""
        found: dict[str, list[str]] = {}
        for query in self.queries:
            for value in _values(query.fields.get(field)):
                found.setdefault(f"{field}={value}", []).append(query.id)
        if not found:
            raise EvaluationFailed(f"--by {field}: no query that is asked has such a field.")
        if len(found) > MOST_SLICES:
            raise EvaluationFailed(f"--by {field}: it has {len(found)} values, and {MOST_SLICES} are the most.")
        return dict(sorted(found.items()))


def read_set(
    folder: Path,
    *,
    qrels: str = "qrels.tsv",
    corpus: Filter,
    queries: Filter,
    first: int | None = None,
    with_unanswerable: bool = False,
) -> EvaluationSet:
    """Return the set of a folder: the passages and the queries that pass their filters, in the files' order.

    Passages that are the same to the letter are one, under the id of the first: nobody could rank them. A query
    without a passage that answers it is left out, unless its line says that it is not answerable and these are wanted;
    of the others only the `first` stay. Raise EvaluationFailed if a file is missing or wrong, or if nothing is left to
    ask.
    """
    is_live = folder.is_dir() and not (folder / "corpus.jsonl").exists()
    all_passages = None if is_live else _by_id(folder / "corpus.jsonl")
    all_queries = _by_id(folder / "queries.jsonl")
    judged = _qrels(folder / qrels, all_queries, all_passages)
    if all_passages is None:
        named = dict.fromkeys(name for grades in judged.values() for name in grades)
        passages = [Passage(id=name, title=name, text="") for name in named if _passes({}, corpus)]
    else:
        passages = [
            _passage(name, fields, place) for name, (fields, place) in all_passages.items() if _passes(fields, corpus)
        ]
    same = _first_alike(passages)
    gold = {query: found for query, grades in judged.items() if (found := _answers(grades, same))}
    chosen = [
        _query(name, fields, place, is_answerable=name in gold)
        for name, (fields, place) in all_queries.items()
        if (name in gold or (with_unanswerable and fields.get("answerable") is False)) and _passes(fields, queries)
    ][:first]
    if not chosen:
        raise EvaluationFailed(f"{folder / qrels}: none of the chosen queries has an answer in the chosen passages.")
    return EvaluationSet(
        name=folder.resolve().name,
        is_live=is_live,
        passages={passage.id: passage for passage in passages if same[passage.id] == passage.id},
        queries=chosen,
        gold={query.id: gold[query.id] for query in chosen if query.id in gold},
    )


def _first_alike(passages: Sequence[Passage]) -> dict[str, str]:
    """Return, for each id, that of the first passage with the same title and text."""
    first: dict[str, str] = {}
    return {passage.id: first.setdefault(passage.markdown(), passage.id) for passage in passages}


def _answers(grades: Mapping[str, int], same: Mapping[str, str]) -> dict[str, int]:
    """Return the grades of the chosen passages that answer; the best one, where several are the same passage."""
    order = sorted(grades, key=grades.__getitem__)  # the best one is written last
    return {same[name]: grades[name] for name in order if name in same and grades[name] > 0}


def _by_id(path: Path) -> dict[str, tuple[Fields, str]]:
    """Return the lines of a .jsonl file by their id, each with its place for messages."""
    found: dict[str, tuple[Fields, str]] = {}
    for number, raw in _lines(path):
        place = f"{path}:{number}"
        try:
            fields = json.loads(raw)
        except ValueError as exc:
            raise EvaluationFailed(f"{place}: it is no JSON: {exc}.") from exc
        if not isinstance(fields, dict):
            raise EvaluationFailed(f"{place}: it is no JSON object.")
        name = _text(fields, "id", place)
        if name in found:
            raise EvaluationFailed(f"{place}: the id {name} was in {found[name][1]} already.")
        found[name] = fields, place
    return found


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, counted from 1."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as exc:
        raise EvaluationFailed(f"{path}: {exc.strerror}. A set has corpus.jsonl, queries.jsonl and qrels.tsv.") from exc
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())


def _text(fields: Fields, name: str, place: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        raise EvaluationFailed(f"{place}: {name} must be a text, and not an empty one.")
    return value


def _passage(name: str, fields: Fields, place: str) -> Passage:
    title = fields.get("title") or ""
    return Passage(id=name, title=" ".join(str(title).split()), text=_text(fields, "text", place))


def _query(name: str, fields: Fields, place: str, *, is_answerable: bool) -> Query:
    turns = fields.get("history") or []
    try:
        history = tuple(Turn(role=turn["role"], content=turn.get("content") or turn["text"]) for turn in turns)
    except (TypeError, KeyError, AttributeError) as exc:
        raise EvaluationFailed(f"{place}: history must be a list of objects with role and text.") from exc
    if any(turn.role not in ROLES for turn in history):
        raise EvaluationFailed(f"{place}: history: a role must be one of {', '.join(sorted(ROLES))}.")
    text = _text(fields, "text", place)
    return Query(id=name, text=text, history=history, is_answerable=is_answerable, fields=fields)


def _qrels(
    path: Path, queries: Mapping[str, object], passages: Mapping[str, object] | None
) -> dict[str, dict[str, int]]:
    """Return the grades by query and passage, any passage if None is given.

    A first line whose third column is no number is a header.
    """
    found: dict[str, dict[str, int]] = {}
    for number, raw in _lines(path):
        place, columns = f"{path}:{number}", raw.decode(errors="replace").split("\t")
        if len(columns) != 3:
            raise EvaluationFailed(f"{place}: it must have three columns, parted by tabs: query, passage and grade.")
        query, passage, grade = (column.strip() for column in columns)
        if not re.fullmatch(r"-?\d+", grade):
            if number == 1:
                continue
            raise EvaluationFailed(f"{place}: the grade {grade!r} is no whole number.")
        if query not in queries:
            raise EvaluationFailed(f"{place}: there is no query {query}.")
        if passages is not None and passage not in passages:
            raise EvaluationFailed(f"{place}: there is no passage {passage}.")
        found.setdefault(query, {})[passage] = int(grade)
    return found


def _passes(fields: Fields, wanted: Filter) -> bool:
    return all(not values.isdisjoint(_values(fields.get(field))) for field, values in wanted.items())


def _values(value: Any) -> list[str]:
    """Return a field's value or values as they are written after `=`; true and false as in JSON."""
    several = value if isinstance(value, list) else [] if value is None else [value]
    return [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in several]
