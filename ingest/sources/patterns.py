"""Which keys of a source are wanted."""

from fnmatch import fnmatchcase

from ingest.sources.listing import Options


def fits(key: str, options: Options) -> bool:
    """Whether a key fits an `include`, if there is one, and no `exclude`."""
    is_in = not options.include or any(fnmatchcase(key, pattern) for pattern in options.include)
    return is_in and not any(fnmatchcase(key, pattern) for pattern in options.exclude)
