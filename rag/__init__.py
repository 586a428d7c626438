"""The question's path, and all that both stories share: settings, errors, registry, embedding, index."""
