"""Rankings to trec_eval's measures of each query, and the measures of many to a mean with its interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.evaluate.errors import EvaluationFailed

TREC_EVAL = {  # our name: trec_eval's, of the result and as it is asked for
    "ndcg@10": ("ndcg_cut_10", "ndcg_cut.10"),
    "recall@5": ("recall_5", "recall.5"),
    "recall@10": ("recall_10", "recall.10"),
    "recall@50": ("recall_50", "recall.50"),
    "mrr": ("recip_rank", "recip_rank"),
}
MEASURES = tuple(TREC_EVAL)
RESAMPLES = 1000
SEED = 20_260_101


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over `n` queries and its 95% interval."""

    value: float
    low: float
    high: float
    n: int


def measured(gold: Mapping[str, Mapping[str, int]], ranked: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float]]:
    """Return each query's measures, 0 to 1, from the ids of the passages found, best first.

    nDCG takes the grade as the gain; the reciprocal rank is that of the first passage with a grade, over all found.
    """
    try:
        import pytrec_eval  # compiled, and only here
    except ModuleNotFoundError as exc:
        raise EvaluationFailed(
            "The measures need pytrec-eval-terrier, which is not installed: its wheels are for x86-64. "
            "Elsewhere `pip install pytrec-eval-terrier` compiles it."
        ) from exc
    evaluator = pytrec_eval.RelevanceEvaluator(gold, {asked for _, asked in TREC_EVAL.values()})
    # trec_eval orders by score, and equal scores by id: only the rank tells it our order
    run = {query: {name: -float(rank) for rank, name in enumerate(ranked[query])} for query in gold}
    return {
        query: {ours: values[theirs] for ours, (theirs, _) in TREC_EVAL.items()}
        for query, values in evaluator.evaluate(run).items()
    }


def estimated(values: Sequence[float]) -> Estimate:
    """Return the mean and its percentile bootstrap interval over queries (Efron 1979), the same at every call.

    Of the differences of two runs on the same queries, it is the paired bootstrap.
    """
    import numpy as np  # not for the other commands

    sample = np.asarray(values, dtype=np.float64)
    picks = np.random.default_rng(SEED).integers(0, len(sample), (RESAMPLES, len(sample)))
    low, high = np.percentile(sample[picks].mean(axis=1), [2.5, 97.5])
    return Estimate(value=float(sample.mean()), low=float(low), high=float(high), n=len(sample))
