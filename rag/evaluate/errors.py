"""The one error of an evaluation; like those of the command line, it never reaches HTTP."""

from rag.errors import RagError


class EvaluationFailed(RagError):
    """A set or a saved run that cannot be used, and why."""

    type = "evaluation-failed"
    title = "The evaluation cannot be made"
