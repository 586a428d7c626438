"""Benchmarks: each measures the service beside the limit of its parts, in one run. `rag bench` runs them."""
