"""Questions that got no answer, or one that people found bad, grouped by what they are about."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine, exists, or_, select

from rag.database import clock, transaction
from rag.embed import Embedder
from rag.feedback import Rating
from rag.tables import FeedbackRow, TraceRow
from rag.trace import Ended
from rag.traces import DAY_S
from rag.vectors import Vectors

MOST = 1000  # the newest; embedding a question takes some 5 ms of a core
EMBEDDED_AT_ONCE = 32
ALIKE = 0.5  # of the way from what the model gives unrelated texts to 1; 0.6 parts holidays from annual leave


@dataclass(frozen=True, kw_only=True)
class BadAnswer:
    """A question whose answer was withheld or disliked. `at` is in Unix seconds, `reasons` are those of all people."""

    trace_id: str
    at: float
    question: str
    unanswered: bool
    withheld: str
    thumbs_down: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Topic:
    """Questions that are close to each other, the newest first, and the most central of them as a name."""

    name: str
    questions: tuple[BadAnswer, ...]


def bad_answers(engine: Engine, days: float) -> list[BadAnswer]:
    """Return the questions of the last days that were not answered or got a thumbs-down, newest first, up to MOST.

    Answers that ended with an error are no lack of documents and left out, as are those whose question is not kept.
    """
    down = (FeedbackRow.trace_id == TraceRow.id, FeedbackRow.rating == Rating.DOWN)
    withheld = (TraceRow.ended == Ended.DONE) & TraceRow.abstained
    with transaction(engine, writes=False) as session:
        query = (
            select(TraceRow.id, TraceRow.at, TraceRow.question, TraceRow.abstained, TraceRow.withheld)
            .where(TraceRow.at >= clock(session) - days * DAY_S, TraceRow.question.is_not(None))
            .where(or_(withheld, exists().where(*down)))
            .order_by(TraceRow.at.desc(), TraceRow.id)
            .limit(MOST)
        )
        rows = session.execute(query).all()
        disliked = select(FeedbackRow.trace_id, FeedbackRow.reasons).join(TraceRow, down[0])
        reasons = defaultdict[str, list[list[str]]](list)
        for trace_id, some in session.execute(disliked.where(down[1], TraceRow.id.in_([row.id for row in rows]))):
            reasons[trace_id].append(some)
    return [
        BadAnswer(
            trace_id=row.id,
            at=row.at,
            question=row.question,
            unanswered=row.abstained,
            withheld=row.withheld,
            thumbs_down=len(reasons[row.id]),
            reasons=tuple(sorted({one for some in reasons[row.id] for one in some})),
        )
        for row in rows
    ]


def topics(questions: Sequence[BadAnswer], embedder: Embedder) -> list[Topic]:
    """Return the questions by topic, the largest first, equal ones by their newest question."""
    texts = list(dict.fromkeys(one.question for one in questions))
    if not texts:
        return []
    parts = [texts[first : first + EMBEDDED_AT_ONCE] for first in range(0, len(texts), EMBEDDED_AT_ONCE)]
    vectors = np.concatenate([embedder.embed_queries(part) for part in parts])
    alike = embedder.unrelated + ALIKE * (1 - embedder.unrelated)
    by_text = defaultdict[str, list[BadAnswer]](list)
    for one in questions:
        by_text[one.question].append(one)
    found = []
    for members in groups(vectors, alike, [len(by_text[text]) for text in texts]):
        asked = [one for place in members for one in by_text[texts[place]]]
        newest_first = tuple(sorted(asked, key=lambda one: -one.at))
        found.append(Topic(name=texts[members[0]], questions=newest_first))
    return sorted(found, key=lambda topic: (-len(topic.questions), -topic.questions[0].at))


def groups(vectors: Vectors, alike: float, weights: Sequence[int]) -> list[list[int]]:
    """Return the places of the vectors, (n, dim) of length 1, in groups, the most central of each first.

    Leader clustering: who has the most others at a cosine of `alike` or more, each with its weight, leads them;
    then the next among those that are left.
    """
    near = (vectors @ vectors.T >= alike) | np.eye(len(vectors), dtype=bool)
    counts = np.asarray(weights, dtype=np.float64)
    free = np.ones(len(vectors), dtype=bool)
    found = []
    while free.any():
        followers = np.where(free, (near & free) @ counts, -1.0)
        members = np.flatnonzero(near[int(followers.argmax())] & free)
        central = (vectors[members] @ vectors[members].T) @ counts[members]
        found.append([int(members[place]) for place in np.argsort(-central, kind="stable")])
        free[members] = False
    return found
