"""Bring the registry up to date and see to the first key; in a process of its own, `rag up` stays 40 MB smaller."""

import json
import sys

from rag.database import connect, migrate
from rag.keys import Keys
from rag.settings import load_settings
from rag.types import Scope


def prepare() -> dict[str, str | bool]:
    """Return whether there is a key, and the administrator's if it is made now: on loopback, at the first start."""
    settings = load_settings()
    migrate(settings.database_url)
    keys = Keys(connect(settings.database_url))
    if keys.exist() or not settings.is_loopback:
        return {"has_key": keys.exist()}
    return {"has_key": True, "new_key": keys.create("administrator", [Scope.ADMIN])}


if __name__ == "__main__":
    json.dump(prepare(), sys.stdout)
