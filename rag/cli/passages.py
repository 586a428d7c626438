"""The passages of a set as documents of the running service, and its search over them.

They are uploaded into a collection of their own, unless they are documents that the service has already.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import track

from rag.cli.client import CallFailed, Client
from rag.cli.ingest import Job, ingest_jobs, summarise
from rag.evaluate.errors import EvaluationFailed
from rag.evaluate.sets import EvaluationSet, Passage, Query

CALLS_AT_ONCE = 4
MOST_HITS = 100  # the API's limit; several may be of one passage
FILE_NAME = "passage.md"  # the title of a passage that has none: the same for all, so that no id is searched
In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, kw_only=True)
class Found:
    """The passages found for a query and their scores, best first, and how the service came to them."""

    ranking: tuple[tuple[str, float], ...]
    took_ms: float
    reranked: bool


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How the queries are put."""

    client: Client
    mode: str
    history: bool

    def search(self, query: Query, collections: Sequence[str] | None, top_k: int) -> dict[str, Any]:
        """Return the API's answer. Raise CallFailed, with the query's id if it was refused."""
        turns = [{"role": turn.role, "content": turn.content} for turn in query.history] if self.history else None
        try:
            return self.client.search(query.text, top_k, mode=self.mode, collections=collections, history=turns)
        except CallFailed as exc:
            if exc.status is None:
                raise
            raise CallFailed(f"{self.mode} search for {query.id}: {exc.detail}", exc.status) from exc


def with_documents(client: Client, evaluated: EvaluationSet) -> EvaluationSet:
    """Return a live set with all documents of the service as its passages, whose titles are known then.

    Raise EvaluationFailed if a document that answers a query is not there, or not ready.
    """
    there = {
        document["id"]: Passage(id=document["id"], title=document["title"] or document["filename"], text="")
        for document in client.documents("", "")
        if document["serving_version"] is not None
    }
    if missing := sorted(evaluated.passages.keys() - there.keys()):
        raise EvaluationFailed(
            f"{evaluated.name}: without corpus.jsonl a set is about documents that the service has, and it has no "
            f"{missing[0]} that is ready" + (f", nor {len(missing) - 1} others." if missing[1:] else ".")
        )
    return replace(evaluated, passages=there)


def upload_passages(client: Client, evaluated: EvaluationSet, console: Console) -> dict[str, str]:
    """Have every passage ready in the set's collection, and upload only what is missing there.

    Return the passage of each document. Raise EvaluationFailed if one could not be ingested; the reasons are printed.
    """
    if evaluated.is_live:
        return {name: name for name in evaluated.passages}
    collection, total = evaluated.collection, len(evaluated.passages)
    ready = _ready(client, evaluated)
    missing = evaluated.passages.keys() - ready.values()
    if missing:
        failed = _upload(client, evaluated, sorted(missing), console)
        summarise(console, total, failed, same=total - len(missing), wait=True)
        if failed:
            raise EvaluationFailed(f"{failed} of {total} passages are not in {collection}, for the reasons above.")
        ready = _ready(client, evaluated)
    return ready


def _upload(client: Client, evaluated: EvaluationSet, names: Sequence[str], console: Console) -> int:
    with tempfile.TemporaryDirectory() as folder:
        jobs = []
        for number, name in enumerate(names):
            path = Path(folder) / str(number) / FILE_NAME
            path.parent.mkdir()
            path.write_text(evaluated.passages[name].markdown(), encoding="utf-8", errors="replace")
            jobs.append(Job(path=path, source_id=name))
        return ingest_jobs(client, jobs, evaluated.collection, wait=True, console=console)


def _ready(client: Client, evaluated: EvaluationSet) -> dict[str, str]:
    return {
        document["id"]: name
        for document in client.documents(evaluated.collection, "")
        if document["status"] == "ready"
        for name in document["source_ids"]
        if name in evaluated.passages
    }


def remove_passages(client: Client, evaluated: EvaluationSet, console: Console) -> None:
    """Delete every document of the set's collection; of a live set, nothing."""
    if evaluated.is_live:
        return
    documents = [document["id"] for document in client.documents(evaluated.collection, "")]
    each(lambda name: client.call("DELETE", f"/v1/documents/{name}"), documents, "removing", console)
    console.print(f"{len(documents)} documents deleted from {evaluated.collection}", soft_wrap=True)


def search_passages(
    asking: Asking, evaluated: EvaluationSet, documents: Mapping[str, str], console: Console
) -> dict[str, Found]:
    """Return what was found, by the query's id; a passage counts by its best chunk."""

    def found(query: Query) -> Found:
        scores: dict[str, float] = {}
        where = query.fields.get("collections") if evaluated.is_live else [evaluated.collection]
        answer = asking.search(query, where, MOST_HITS)
        for hit in answer["hits"]:
            if name := documents.get(hit["document_id"]):
                scores.setdefault(name, hit["score"])
        ranking = tuple(scores.items())
        return Found(ranking=ranking, took_ms=answer["took_ms"]["total"], reranked=answer["reranked"])

    results = each(found, evaluated.queries, f"{asking.mode} search", console)
    return {query.id: result for query, result in zip(evaluated.queries, results, strict=True)}


def each(do: Callable[[In], Out], items: Sequence[In], what: str, console: Console) -> list[Out]:
    """Do something with each, several at once, under a bar on a terminal and a line elsewhere; keep their order."""
    if not console.is_terminal:
        console.print(f"{what}: {len(items)}", soft_wrap=True)
    pool = ThreadPoolExecutor(CALLS_AT_ONCE)
    try:
        running = pool.map(do, items)
        return list(track(running, what, len(items), console=console, disable=not console.is_terminal, transient=True))
    finally:
        pool.shutdown(cancel_futures=True)
