"""The answer without a generator: the sentences of the best passages that are closest to the question, quoted."""

from collections.abc import Sequence

from rag.embed import Embedder
from rag.sentences import sentence_spans
from rag.types import Citation, Hit

PASSAGES = 3
QUOTES = 2
MIN_CHARS = 20


def extract(question: str, hits: Sequence[Hit], embedder: Embedder) -> tuple[str, list[Citation]]:
    """Return up to QUOTES literal quotes as a text with marks, best first, and their citations."""
    candidates = [
        (n, hit, start, end)
        for n, hit in enumerate(hits[:PASSAGES], start=1)
        for start, end in sentence_spans(hit.text)
        if len(hit.text[start:end].strip()) >= MIN_CHARS
    ] or [(1, hits[0], 0, len(hits[0].text))]
    closeness = embedder.embed([_sentence(*candidate) for candidate in candidates]) @ embedder.embed_query(question)
    best = sorted(range(len(candidates)), key=lambda i: -float(closeness[i]))[:QUOTES]
    citations = [_quote(*candidates[i]) for i in best]
    return "\n".join(f"“{citation.quote}” [{citation.n}]" for citation in citations), citations


def _sentence(_n: int, hit: Hit, start: int, end: int) -> str:
    return hit.text[start:end].strip()


def _quote(n: int, hit: Hit, start: int, end: int) -> Citation:
    text = hit.text[start:end]
    start += len(text) - len(text.lstrip())
    return Citation(
        n=n,
        document_id=hit.document_id,
        version=hit.version,
        page=hit.page,
        start=hit.start + start,
        end=hit.start + start + len(text.strip()),
        quote=text.strip(),
        supported=True,
    )
