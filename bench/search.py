"""Search at size, beside a bare embedder call and a bare Chroma query for the same questions in the same run.

The registry and the index are filled directly: embedding 100,000 passages would take a quarter of an hour and does not
matter here. Vectors are random around centres, texts of words with natural frequencies.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

from bench.measure import Measure
from bench.service import Service, start, stop
from ingest.chunk import embedded_text
from rag.batching import Batching
from rag.database import clock, connect, transaction
from rag.dense import Dense, DenseIndexes
from rag.generations import Generations
from rag.lexical.words import chunk_words
from rag.model import Model
from rag.records import chunk_id
from rag.settings import ChromaSettings, EmbedderSettings
from rag.tables import ChunkRow, CollectionRow, DocumentRow, IndexedRow, VersionRow
from rag.types import Chunk
from rag.vectors import Vectors, normalised

SIZE, LARGE = 100_000, 1_000_000  # chunks
PER_DOCUMENT, DOCUMENTS_AT_ONCE = 10, 100
WORDS, CHUNK_WORDS = 60_000, 110
COLLECTIONS = ("half", "half", "half", "half", "half", "other", "other", "other", "other", "tenth")
QUESTIONS, WARM_UP = 150, 20
FILTERS: dict[str, dict[str, Any]] = {
    "": {},
    ".half_of_it": {"collections": ["half"]},
    ".a_tenth": {"collections": ["tenth"]},
    ".metadata_tenth": {"filters": {"metadata": {"year": 2020}}},
    ".metadata_hundredth": {"filters": {"metadata": {"team": "t7"}}},
}


def run() -> list[Measure]:
    """Measure at 100,000 chunks, and at 1,000,000 as well where RAG_BENCH_LARGE is set: that takes an hour."""
    with tempfile.TemporaryDirectory() as folder:
        service = start(Path(folder), "--generator", "none")
        try:
            corpus = Corpus(service)
            corpus.grow(SIZE)
            found, p95 = _measured(corpus, f"search.{SIZE}")
            found.append(_building(corpus))
            if os.environ.get("RAG_BENCH_LARGE"):
                corpus.grow(LARGE)
                more, large = _measured(corpus, f"search.{LARGE}")
                growth = Measure(name="search.growth", value=large, unit="ms", n=QUESTIONS, reference=p95)
                found += [*more, growth]
        finally:
            stop(service)
    return found


class Corpus:
    """What is written into a running service's registry and index."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.size = 0
        self._random = np.random.default_rng(5)
        self._centres = self._random.normal(size=(500, 384)).astype(np.float32)
        self._words = np.array([_word(number) for number in range(WORDS)])
        settings = service.shared()
        self.engine = connect(service.database_url)
        embedder = EmbedderSettings(url=settings["RAG_EMBEDDER_URL"])
        chroma = ChromaSettings(url=settings["RAG_CHROMA_URL"])
        self.dense: Dense = DenseIndexes(Generations(self.engine), embedder, chroma).start()

    def text(self, words: int) -> str:
        """Return words of which the n-th commonest has a frequency of about 1/n, as in any language."""
        ranks = self._random.zipf(1.15, words * 2)
        return " ".join(self._words[ranks[ranks < WORDS][:words]])

    def vectors(self, count: int) -> Vectors:
        near = self._centres[self._random.integers(0, len(self._centres), count)]
        return normalised(near + 1.2 * self._random.normal(size=near.shape).astype(np.float32))

    def grow(self, size: int) -> None:
        with transaction(self.engine, writes=True) as session:
            for name in () if self.size else sorted(set(COLLECTIONS)):
                session.add(CollectionRow(name=name, created_at=clock(session)))
        while self.size < size:
            first = self.size // PER_DOCUMENT
            self._add(range(first, first + DOCUMENTS_AT_ONCE))
            self.size += DOCUMENTS_AT_ONCE * PER_DOCUMENT

    def _add(self, documents: Sequence[int]) -> None:
        with transaction(self.engine, writes=True) as session:
            session.execute(insert(DocumentRow), [_document(number) for number in documents])
            session.execute(insert(VersionRow), [_version(number) for number in documents])
            session.execute(insert(ChunkRow), [row for number in documents for row in self._chunks(number)])
            marks = [{"generation": self.dense.generation.id, "document_id": _id(n), "version": 1} for n in documents]
            session.execute(insert(IndexedRow), marks)
        for collection in set(COLLECTIONS):
            own = [n for n in documents if COLLECTIONS[n % len(COLLECTIONS)] == collection]
            ids = [chunk_id(_id(number), 1, ordinal) for number in own for ordinal in range(PER_DOCUMENT)]
            self.dense.index.upsert(ids, self.vectors(len(ids)), document_id="", version=1, collection=collection)

    def _chunks(self, number: int) -> Iterator[dict[str, Any]]:
        for ordinal in range(PER_DOCUMENT):
            text = self.text(CHUNK_WORDS)
            yield {
                "id": chunk_id(_id(number), 1, ordinal),
                "document_id": _id(number),
                "version": 1,
                "ordinal": ordinal,
                "text": text,
                "context": f"Document {number}",
                "start": ordinal * len(text),
                "end": (ordinal + 1) * len(text),
                "words": chunk_words(f"Document {number}", text, "en"),
            }


def _measured(corpus: Corpus, name: str) -> tuple[list[Measure], float]:
    """Ask every question bare and through the API in turn; return the figures and the unfiltered p95."""
    questions = [corpus.text(int(count)) for count in np.random.default_rng(7).integers(4, 14, QUESTIONS + WARM_UP)]
    dense, http = corpus.dense, corpus.service.http

    def bare(question: str) -> None:
        vector = dense.embedder.embed_query(question)
        dense.index.search(vector, limit=10, collections=sorted(set(COLLECTIONS)))

    def served(body: dict[str, Any], question: str) -> None:
        http.post("/v1/search", json={"query": question, **body}).raise_for_status()

    ways: dict[str, Callable[[str], None]] = {"bare": bare}
    ways |= {key: partial(served, body) for key, body in FILTERS.items()}
    times: dict[str, list[float]] = {key: [] for key in ways}
    for number, question in enumerate(questions):
        for key, ask in ways.items():
            began = time.perf_counter()
            ask(question)
            if number >= WARM_UP:
                times[key].append((time.perf_counter() - began) * 1000)
    limit = _p95(times.pop("bare"))
    found = [
        Measure(
            name=f"{name}.p95{key}",
            value=_p95(values),
            unit="ms",
            n=len(values),
            reference=limit,
            note=f"p50 {np.median(values):.1f} ms; the reference is a bare embedding and a bare Chroma query",
        )
        for key, values in times.items()
    ]
    return found, found[0].value


def _building(corpus: Corpus, count: int = 2000) -> Measure:
    """Return what making and indexing words takes, beside the embedder alone on the same chunks."""
    texts = [corpus.text(CHUNK_WORDS) for _ in range(count)]
    chunks = [
        Chunk(ordinal=n, text=text, context="", page=None, section=None, start=0, end=1) for n, text in enumerate(texts)
    ]
    model = Model(EmbedderSettings())
    batching = Batching(model.encode, model.streams)
    batching.encode(texts[:64])
    began = time.perf_counter()
    batching.encode([embedded_text(chunk) for chunk in chunks])
    embedded = time.perf_counter() - began
    spent = _seconds_to_store(corpus, texts, indexed=True) - _seconds_to_store(corpus, texts, indexed=False)
    return Measure(name="search.index_building", value=spent, unit="s", n=count, reference=embedded, note="of SQLite")


def _seconds_to_store(corpus: Corpus, texts: Sequence[str], *, indexed: bool) -> float:
    """Return the time of a transaction that stores chunks, with their words or without any."""
    rows = [
        {"id": f"x.1.{n}", "document_id": _id(0), "version": 1, "ordinal": n, "text": text, "context": "", "start": 0}
        for n, text in enumerate(texts)
    ]
    with corpus.engine.connect().execution_options(writes=True) as connection:
        began = time.perf_counter()
        for row in rows:
            row |= {"end": 1, "words": chunk_words("", str(row["text"]), "en") if indexed else ""}
        connection.execute(insert(ChunkRow), rows)
        spent = time.perf_counter() - began
        connection.rollback()
    return spent


def _document(number: int) -> dict[str, Any]:
    return {
        "id": _id(number),
        "collection": COLLECTIONS[number % len(COLLECTIONS)],
        "serving": 1,
        "meta": {"year": 2020 + number // 7 % 10, "team": f"t{number // 3 % 100}"},
        "access": [],
        "created_at": float(number),
    }


def _version(number: int) -> dict[str, Any]:
    return {
        "document_id": _id(number),
        "version": 1,
        "filename": f"{number}.md",
        "sha256": f"{number:064x}",
        "size_bytes": 1,
        "media_type": "text/markdown",
        "status": "ready",
        "title": f"Document {number}",
        "language": "en",
        "chunks": PER_DOCUMENT,
        "created_at": float(number),
    }


def _id(number: int) -> str:
    return f"doc{number:08}"


def _word(number: int) -> str:
    """Return a made-up word, another for every number."""
    consonants, vowels = "bcdfghklmnprstvz", "aeiou"
    letters = ""
    while number or not letters:
        number, rest = divmod(number, len(consonants) * len(vowels))
        letters += consonants[rest // len(vowels)] + vowels[rest % len(vowels)]
    return letters + "m"


def _p95(values: Sequence[float]) -> float:
    return float(np.percentile(values, 95))
