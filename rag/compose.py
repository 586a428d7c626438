"""A question, its hits and what was said before to the messages of a prompt that fits the engine's context.

The messages of a conversation only grow: those of the next question begin with those of this one, so that the engine
finds them in its prefix cache. A passage is sent once and keeps its number. What does not fit any more is dropped from
the front, much of it at once, so that the beginning stays the same for some questions after.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from rag.budget import estimate
from rag.conversations import PastTurn
from rag.prompt import Message, Prompt, asked, numbered_passages, passage, system_messages
from rag.types import Hit, NumberedHit, Turn
from rag.widen import neighbours, widened

HISTORY_SHARE = 0.6  # of the room; what was said before is cut to half of that when it is more
PASSAGES_SHARE = 0.4  # of the room, up to which passages are widened
BARE_TURNS = 2  # of those dropped, the last ones, without their sources: what "it" means
MESSAGE_TOKENS = 8  # what a chat template writes around a message
SURE = 1.5  # no text that we counted has more tokens than its estimate times this

Count = Callable[[Sequence[str]], Awaitable[list[int]]]
Read = Callable[[Sequence[str]], Awaitable[Mapping[str, Hit]]]


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """An earlier question and its answer: as they were sent, and `bare`, without the question's sources."""

    messages: tuple[Message, ...]
    bare: tuple[Message, ...]
    sources: tuple[NumberedHit, ...] = ()
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Composed:
    """A prompt as it is sent. `sources` are all that it holds, those of this question's hits first, best first.

    `added` are those of them that no earlier message holds. `documents` are all that an answer may rest on.
    """

    messages: list[Message]
    sources: list[NumberedHit]
    added: list[NumberedHit]
    documents: tuple[str, ...]


def exchanges(turns: Sequence[PastTurn], prompt: Prompt) -> list[Exchange]:
    """Return the turns as they were sent with this prompt."""
    return [_exchange(turn, prompt) for turn in turns]


def bare_exchanges(history: Sequence[Turn]) -> list[Exchange]:
    """Return messages that the caller keeps; each question with what follows it."""
    groups: list[list[Message]] = []
    for turn in history:
        if turn.role == "user" or not groups:
            groups.append([])
        groups[-1].append({"role": turn.role, "content": turn.content})
    return [Exchange(messages=tuple(group), bare=tuple(group)) for group in groups]


async def compose(
    prompt: Prompt,
    question: str,
    hits: Sequence[Hit],
    earlier: Sequence[Exchange],
    *,
    after: int,
    room_tokens: int,
    count: Count,
    read: Read,
) -> Composed:
    """Return the prompt of whole passages that fit `room_tokens`; no messages if not even one does.

    New sources get the numbers that follow `after`. `read` returns chunks by their ids, those that may be shown.
    """
    before, kept, documents = await remembered(earlier, room_tokens, count)
    held = {chunk: source for exchange in kept for source in exchange.sources for chunk in source.chunk_ids}
    again = list({source.n: source for hit in hits if (source := held.get(hit.chunk_id))}.values())
    fresh = [hit for hit in hits if hit.chunk_id not in held]
    near = {key: hit for key, hit in (await read(neighbours(fresh))).items() if key not in held} if fresh else {}
    spare = int(room_tokens * PASSAGES_SHARE) - sum(estimate(hit.text) for hit in fresh)
    found = [
        NumberedHit(n=n, hit=hit, chunk_ids=ids) for n, (hit, ids) in enumerate(widened(fresh, near, spare), after + 1)
    ]
    fixed = [*system_messages(prompt), *before, asked(prompt, question, "")]
    added = await _fitting(fixed, found, room_tokens, count)
    if not added and not held:
        return Composed(messages=[], sources=found, added=[], documents=documents)
    message = asked(prompt, question, numbered_passages(added))
    new = {source.n for source in added} | {source.n for source in again}
    rest = [source for exchange in kept for source in exchange.sources if source.n not in new]
    order = {chunk: rank for rank, chunk in enumerate(hit.chunk_id for hit in hits)}
    current = sorted([*added, *again], key=lambda source: min(order.get(c, len(order)) for c in source.chunk_ids))
    sources = [*current, *rest]
    return Composed(
        messages=[*fixed[:-1], message],
        sources=sources,
        added=added,
        documents=tuple(dict.fromkeys([*documents, *(source.hit.document_id for source in sources)])),
    )


async def remembered(
    earlier: Sequence[Exchange], room_tokens: int, count: Count
) -> tuple[list[Message], list[Exchange], tuple[str, ...]]:
    """Return the messages of what was said before that fit, the exchanges that are whole, and their documents."""
    most = int(room_tokens * HISTORY_SHARE)
    first = 0
    if SURE * sum(_estimated(exchange.messages) for exchange in earlier) > most:
        first = dropped(await _counted([exchange.messages for exchange in earlier], count), most)
    bare, kept = list(earlier[max(0, first - BARE_TURNS) : first]), list(earlier[first:])
    while bare and sum(_estimated(exchange.bare) for exchange in bare) > most // 2:
        bare.pop(0)
    messages = [message for exchange in bare for message in exchange.bare]
    messages += [message for exchange in kept for message in exchange.messages]
    return messages, kept, tuple(dict.fromkeys(one for exchange in [*bare, *kept] for one in exchange.documents))


def dropped(sizes: Sequence[int], most: int) -> int:
    """Return how many exchanges are dropped from the front, the oldest first.

    As often as they came to more than `most`, they were dropped down to half of it. So the number stays the same while
    the conversation grows, until the next time.
    """
    first = total = 0
    for n, size in enumerate(sizes):
        total += size
        if total > most:
            while first <= n and total > most // 2:
                total -= sizes[first]
                first += 1
    return first


async def _fitting(
    fixed: Sequence[Message], sources: Sequence[NumberedHit], room_tokens: int, count: Count
) -> list[NumberedHit]:
    """Return the first sources that fit beside the other messages. Nothing is counted where all are sure to fit."""
    texts = [passage(source) for source in sources]
    if SURE * (_estimated(fixed) + sum(estimate(text) for text in texts)) <= room_tokens:
        return list(sources)
    room = room_tokens - sum(await _counted([fixed], count))
    kept = 0
    for size in await count(texts):
        room -= size + 1  # the blank line after it
        if room < 0:
            break
        kept += 1
    return list(sources[:kept])


async def _counted(groups: Sequence[Sequence[Message]], count: Count) -> list[int]:
    """Return what each group of messages costs."""
    sizes = iter(await count([message["content"] for messages in groups for message in messages]))
    return [sum(next(sizes) + MESSAGE_TOKENS for _ in messages) for messages in groups]


def _estimated(messages: Sequence[Message]) -> int:
    return sum(estimate(message["content"]) + MESSAGE_TOKENS for message in messages)


def _exchange(turn: PastTurn, prompt: Prompt) -> Exchange:
    question = " ".join(turn.question.split())
    answer = {"role": "assistant", "content": turn.answer}
    bare = ({"role": "user", "content": question}, answer)
    if prompt.sentences:
        return Exchange(messages=bare, bare=bare, documents=turn.documents)
    whole = (asked(prompt, turn.question, numbered_passages(turn.sources)), answer)
    return Exchange(messages=whole, bare=bare, sources=turn.sources, documents=turn.documents)
