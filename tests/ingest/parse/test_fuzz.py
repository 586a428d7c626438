"""Mutations of the sample documents: each ends as a document or with a reason, never by a crash or a hang."""

from bench.fuzz import mutations, outcome
from ingest.read import Reader

MUTATIONS = 60


def test_every_mutation_of_a_good_file_ends_as_a_document_or_with_a_reason(reader: Reader) -> None:
    outcomes = [outcome(reader, mutation) for mutation in mutations(seed=1, number=MUTATIONS)]

    assert len(outcomes) == MUTATIONS
    assert [told for told in outcomes if "crashed" in told or "took over" in told] == []
    assert {told.partition(":")[0] for told in outcomes} >= {"Extracted", "BrokenDocument"}


def test_the_same_seed_makes_the_same_mutations() -> None:
    first, second, other = (list(mutations(seed=seed, number=12)) for seed in (7, 7, 8))

    assert first == second
    assert first != other
