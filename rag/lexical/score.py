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
    counts = {word: _counts([f" {form} " for form in word.word.forms], texts) for word in distinct}
    for word in distinct:
        found += _saturated(word.idf, counts[word], norms)
    for first, second in dict.fromkeys(pairwise(query.words)):
        both = np.flatnonzero((counts[first] > 0) & (counts[second] > 0))
        weight = min(query.most_idf, PAIR_SHARE * (first.idf + second.idf))
        found[both] += _saturated(weight, _counts(_pairs(first, second), [texts[n] for n in both]), norms[both])
    most = sum(word.idf for word in distinct) * (K1 + 1)
    return found / most if most else found


def _pairs(first: WeightedWord, second: WeightedWord) -> list[str]:
    return [f" {one}  {other} " for one in first.word.forms for other in second.word.forms]


def _counts(forms: Sequence[str], texts: Sequence[str]) -> npt.NDArray[np.float64]:
    if len(forms) == 1:  # three times as fast; an index of one language has no others
        return np.array([text.count(forms[0]) for text in texts], dtype=float)
    return np.array([sum(map(text.count, forms)) for text in texts], dtype=float)


def _saturated(
    weight: float, counts: npt.NDArray[np.float64], norms: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    return weight * counts * (K1 + 1) / (counts + norms)
