"""BM25 of candidates, read from their words alone: the same score in every database."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rag.lexical.index import LexicalQuery, WeightedWord

# Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009: their usual constants.
K1, B = 1.2, 0.75
PAIR_SHARE = 0.7  # of two words' weights, for the pair: adds 1 to 2 points of nDCG@10 on MuSiQue and MTRAG


def lexical_scores(query: LexicalQuery, chunks: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return BM25 of each chunk's words, (n,), in the order of `chunks`, as a share of the query's weight.

    Words that follow each other in the query count once more where they follow each other in the chunk. A chunk
    with every word once has about 0.5, with every word often 1, with the pairs, too, more.
    """
    texts = [f" {words.replace(' ', '  ')} " for words in chunks]  # doubled, so that neighbours are both counted
    lengths = np.array([words.count(" ") + 1 for words in chunks], dtype=float)
    norms = K1 * (1 - B + B * lengths / max(lengths.mean(), 1.0)) if chunks else lengths
    found = np.zeros(len(chunks))
    distinct = list(dict.fromkeys(query.words))
    for word in distinct:
        found += _saturated(word.idf, [f" {form} " for form in word.word.forms], texts, norms)
    for first, second in dict.fromkeys(pairwise(query.words)):
        weight = min(query.most_idf, PAIR_SHARE * (first.idf + second.idf))
        found += _saturated(weight, _pairs(first, second), texts, norms)
    most = sum(word.idf for word in distinct) * (K1 + 1)
    return found / most if most else found


def _pairs(first: WeightedWord, second: WeightedWord) -> list[str]:
    return [f" {one}  {other} " for one in first.word.forms for other in second.word.forms]


def _saturated(
    weight: float, forms: Sequence[str], texts: Sequence[str], norms: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    counts = np.array([sum(map(text.count, forms)) for text in texts], dtype=float)
    return weight * counts * (K1 + 1) / (counts + norms)
