"""Bring the registry up to date and see to the first key; in a process of its own, `rag up` stays 40 MB smaller."""

import json
import sys

from rag.database import connect, migrate
from rag.errors import RagError
from rag.generations import Generations, check_configured
from rag.keys import Keys
from rag.settings import load_settings
from rag.tokens import PACKAGED
from rag.types import Scope


def prepare() -> dict[str, str | bool]:
    """Return what the start needs to know.

    Whether there is a key, and the administrator's if it is made now: on loopback, at the first start. The model
    that the service's own embedder is to load; empty if every generation has an embedder elsewhere.
    """
    settings = load_settings()
    migrate(settings.database_url)
    engine = connect(settings.database_url)
    check_configured(Generations(engine).serving(), settings.embedder.model)
    keys, generations = Keys(engine), Generations(engine).all()
    own = next((one.model for one in generations if not one.url), "")
    prepared: dict[str, str | bool] = {"own_model": own or ("" if generations else settings.embedder.model or PACKAGED)}
    if keys.exist() or not settings.is_loopback:
        return prepared | {"has_key": keys.exist()}
    return prepared | {"has_key": True, "new_key": keys.create("administrator", [Scope.ADMIN])}


if __name__ == "__main__":
    try:
        json.dump(prepare(), sys.stdout)
    except RagError as exc:
        sys.exit(f"{exc.title}: {exc.detail}")
