"""The command line: starts the service's processes and calls its API. An entry point, so it may import all three."""
