"""The sentences that are closest to a question: quoted as an answer without a generator, or given to a small one."""

from collections.abc import Sequence

from rag.embed import Embedder
from rag.sentences import sentence_spans
from rag.types import Citation, Hit

PASSAGES = 3
QUOTES = 2
MIN_CHARS = 20


def closest_sentences(question: str, hits: Sequence[Hit], embedder: Embedder, limit: int) -> list[Citation]:
    """Return up to `limit` sentences of the best passages as citations, closest to the question first.

    Each is embedded with its passage's title and headings, which say what a lone sentence leaves out.
    """
    sentences = [
        _sentence(n, hit, *span) for n, hit in enumerate(hits[:PASSAGES], 1) for span in sentence_spans(hit.text)
    ]
    sentences = [sentence for sentence in sentences if len(sentence.quote) >= MIN_CHARS] or sentences
    with_context = [f"{hits[sentence.n - 1].context}\n{sentence.quote}" for sentence in sentences]
    closeness = embedder.embed(with_context) @ embedder.embed_query(question)
    order = sorted(range(len(sentences)), key=lambda i: -float(closeness[i]))
    return [sentences[i] for i in order[:limit]]


def extract(question: str, hits: Sequence[Hit], embedder: Embedder) -> tuple[str, list[Citation]]:
    """Return the closest sentences, quoted as a text with marks, and their citations."""
    citations = closest_sentences(question, hits, embedder, QUOTES)
    return "\n".join(f"“{' '.join(citation.quote.split())}” [{citation.n}]" for citation in citations), citations


def _sentence(n: int, hit: Hit, start: int, end: int) -> Citation:
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
