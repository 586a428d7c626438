"""How well a service finds the passages of a set whose right ones are known. `rag.cli.evaluate` asks the service."""
