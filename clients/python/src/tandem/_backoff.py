"""How long to wait before the next try."""

from __future__ import annotations

import random

_FIRST_SECONDS = 0.1
_SECONDS_MAX = 5.0


class Backoff:
    def __init__(self) -> None:
        self._seconds = _FIRST_SECONDS

    def reset(self) -> None:
        self._seconds = _FIRST_SECONDS

    def next(self) -> float:
        """Seconds, twice as many each time; not the same for all who wait, so that they do not come back together."""
        seconds, self._seconds = self._seconds, min(self._seconds * 2, _SECONDS_MAX)
        return seconds * random.uniform(0.5, 1.0)
