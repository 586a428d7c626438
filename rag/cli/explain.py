"""Traces and candidates as lines for people: one way for `rag ask`, `rag search` and `rag trace`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console

MOST = 20  # candidates; the API has all of them
Fields = Mapping[str, Any]


def print_trace(console: Console, trace: Fields) -> None:
    for line in trace_lines(trace):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def print_candidates(console: Console, candidates: Sequence[Fields]) -> None:
    for line in candidate_lines(candidates):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def trace_lines(trace: Fields) -> Iterator[str]:
    """Yield how an answer came about, from the question to its citations."""
    yield f"trace {trace['id']}, {trace['at']}, asked by {trace['principal']}"
    yield f"question: {trace['question'] or '(not kept)'}"
    yield f"search: {_pairs(trace['search'])}"
    yield from candidate_lines(trace["candidates"])
    yield from _prompt_lines(trace)
    yield from _answer_lines(trace)
    for one in trace["feedback"]:
        said = [", ".join(one["reasons"]), one["comment"] or ""]
        yield f"feedback of {one['principal']}: {one['rating']} {' '.join(said)}".rstrip()


def candidate_lines(candidates: Sequence[Fields]) -> Iterator[str]:
    """Yield a table of the best candidates: place among the hits, scores with ranks, and why something is no hit."""
    yield f"candidates: {len(candidates)}, the best first"
    yield f"{'hit':>4} {'score':>6} {'dense':>10} {'lexical':>10} {'hop':>5} {'rerank':>11}  passage"
    for one in candidates[:MOST]:
        hop = f"{one['hop']:.2f}" if one["hop"] else ""
        scores = [_ranked(one, "dense"), _ranked(one, "lexical"), hop, _ranked(one, "rerank")]
        columns = [f"{score:>{width}}" for score, width in zip(scores, (10, 10, 5, 11), strict=True)]
        title = one["title"] or f"({one['state']})"
        dropped = f": {one['dropped']}" if one["dropped"] else ""
        yield f"{one['rank'] or '-':>4} {one['score']:>6.3f} {' '.join(columns)}  {title} ({one['chunk_id']}){dropped}"
    if len(candidates) > MOST:
        yield f"     and {len(candidates) - MOST} more"


def _ranked(candidate: Fields, name: str) -> str:
    score, rank = candidate[name], candidate[f"{name}_rank"]
    return "" if score is None else f"{score:.3f}" + (f" #{rank}" if rank else "")


def _prompt_lines(trace: Fields) -> Iterator[str]:
    likely = "none" if trace["evidence"] is None else f"{trace['evidence']:.2f}"
    yield f"evidence: the passages answer it with a probability of {likely}"
    yield f"generator: {trace['generator'] or 'not asked'}, prompt {trace['prompt'] or 'not sent'}, {trace['routed']}"
    yield f"tokens: {_pairs(trace['usage'])}"
    yield f"milliseconds: {_pairs(trace['timings'])}"
    for message in trace["messages"] or ():
        yield f"--- prompt, {message['role']}"
        yield message["content"]
    if trace["written"]:
        yield "--- written by the model"
        yield trace["written"]
    if trace["messages"] or trace["written"]:
        yield "---"


def _answer_lines(trace: Fields) -> Iterator[str]:
    error = trace["error"]
    yield f"ended: {trace['ended']}" + (f", {error['title']}: {error.get('detail', '(not kept)')}" if error else "")
    if trace["withheld"]:
        yield f"withheld: {trace['withheld']}"
    if trace["removed"]:
        yield "answer: (left out: a document that it rests on was deleted or closed)"
    elif trace["ended"] == "done":
        yield f"answer: {trace['answer'] or '(not kept)'}"
    for one in trace["citations"]:
        verdict = "supported" if one["supported"] else "not supported"
        page = f", page {one['page']}" if one["page"] else ""
        state = "" if one["state"] == "current" else f", {one['state']}"
        quote = f": {' '.join(one['quote'].split())}" if one["quote"] else ""
        yield f"[{one['n']}] {verdict}{state}, {one['title'] or one['document_id']}{page}{quote}"


def _pairs(fields: Fields) -> str:
    return ", ".join(f"{name} {value}" for name, value in fields.items() if value not in (None, {}, []))
