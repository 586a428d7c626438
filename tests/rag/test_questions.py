"""The list of bad answers: which questions are in it, and what belongs together."""

import numpy as np
import pytest
from sqlalchemy import Engine, update

from rag.database import transaction
from rag.feedback import Feedback, Rating, Reason
from rag.questions import BadAnswer, bad_answers, groups, topics
from rag.settings import TraceSettings
from rag.tables import TraceRow
from rag.trace import Ended
from rag.traces import Traces
from tests.rag.conftest import ADMIN
from tests.rag.test_traces import ASKER, trace_on
from tests.workshop import Workshop

SETTINGS = TraceSettings()


@pytest.fixture
def traces(engine: Engine) -> Traces:
    return Traces(engine, SETTINGS)


def test_what_was_not_answered_or_disliked_is_listed_newest_first(engine: Engine, traces: Traces) -> None:
    traces.record(trace_on(id="good"))
    traces.record(trace_on(id="liked"))
    traces.record(trace_on(id="failed", ended=Ended.ERROR))
    traces.record(trace_on(id="withheld", abstained=True, withheld="no passage was found"))
    traces.record(trace_on(id="disliked"))
    feedback = Feedback(engine, SETTINGS)
    feedback.give("liked", ASKER, Rating.UP)
    feedback.give("disliked", ASKER, Rating.DOWN, reasons=[Reason.WRONG])
    feedback.give("disliked", ADMIN, Rating.DOWN, reasons=[Reason.OUTDATED, Reason.WRONG])

    found = bad_answers(engine, 7)

    assert [(one.trace_id, one.unanswered, one.thumbs_down, one.reasons) for one in found] == [
        ("disliked", False, 2, ("outdated", "wrong")),
        ("withheld", True, 0, ()),
    ]
    assert found[1].withheld == "no passage was found"


def test_what_is_older_or_has_no_text_is_not_listed(engine: Engine, traces: Traces) -> None:
    traces.record(trace_on(id="old", abstained=True))
    with transaction(engine, writes=True) as session:
        session.execute(update(TraceRow).values(at=TraceRow.at - 8 * 86_400))
    Traces(engine, TraceSettings(keep_text="none")).record(trace_on(id="silent", abstained=True))

    assert bad_answers(engine, 7) == []
    assert [one.trace_id for one in bad_answers(engine, 9)] == ["old"]


def test_close_vectors_are_one_group_led_by_the_most_central() -> None:
    angles = np.radians([0, 20, 40, 200, 100])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    assert groups(vectors, 0.9, [1, 1, 1, 1, 1]) == [[1, 0, 2], [3], [4]]
    assert groups(vectors, 0.9, [1, 1, 1, 9, 1])[0] == [3]


def test_questions_of_one_topic_are_grouped_the_largest_topic_first(workshop: Workshop) -> None:
    texts = [
        "where is the bicycle parking",
        "price of glue",
        "where is the bicycle parking",
        "where is bicycle parking",
    ]
    asked = [
        BadAnswer(trace_id=str(n), at=float(n), question=text, unanswered=True, withheld="", thumbs_down=0, reasons=())
        for n, text in enumerate(texts)
    ]

    found = topics(asked, workshop.indexes.serving().embedder)

    assert [(topic.name, [one.trace_id for one in topic.questions]) for topic in found] == [
        ("where is the bicycle parking", ["3", "2", "0"]),
        ("price of glue", ["1"]),
    ]
    assert topics([], workshop.indexes.serving().embedder) == []
