"""Whether an engine is worth a try: closed while it works, open after failures, then a trial after growing pauses."""

import time
from collections.abc import Callable

FAILURES = 3  # in a row
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0


class Breaker:
    """Counts one engine's failures. `now` is a clock that never goes back, in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failures = 0
        self._pause_s = 0.0  # 0: closed
        self._until = 0.0
        self._unreachable = self._trying = False

    @property
    def is_closed(self) -> bool:
        return not self._pause_s

    def allows(self) -> bool:
        """Tell whether a request may go to the engine: always while closed, one at a time once a pause is over."""
        return self.is_closed or (not self._trying and self._now() >= self._until)

    def began(self) -> None:
        """Note that a request goes to the engine: with an open breaker, that one is the trial."""
        self._trying = not self.is_closed

    def ended(self) -> None:
        """Note that it ended, however: another may be the trial."""
        self._trying = False

    def wrote(self) -> None:
        """Note the first token: a trial is over, and others may come. Failures go on being counted until an end."""
        self._pause_s = 0.0

    def succeeded(self) -> None:
        self._failures, self._pause_s = 0, 0.0

    def failed(self, *, unreachable: bool = False) -> None:
        """Open after three failures in a row, or at once without a connection; a failed trial doubles the pause."""
        self._failures += 1
        if self.is_closed and not unreachable and self._failures < FAILURES:
            return
        if self.is_closed or self._now() >= self._until:
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S) or FIRST_PAUSE_S
            self._until = self._now() + self._pause_s
        self._unreachable = unreachable

    def reached(self) -> None:
        """Note that the engine takes connections: if it did not, its pause is over."""
        if self._unreachable:
            self._unreachable, self._until = False, self._now()
