"""What is deleted is gone: from everything that is shown at once, and from every store soon after."""

from bench.deletion import delete_canaries
from bench.service import Service

CANARIES = 30  # `rag bench deletion` has a thousand


def test_no_canary_is_seen_after_its_deletion_and_nothing_of_it_is_left(service: Service) -> None:
    outcome = delete_canaries(service, CANARIES)

    assert outcome.deleted == CANARIES
    assert outcome.not_found_before == []
    assert outcome.shown_after == []
    assert outcome.left_after_purge == []
