"""Words instead of vectors: how texts become words, where they are indexed, how chunks are scored by them."""
