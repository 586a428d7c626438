"""HTTP only: parse, authorise, call one function, serialise."""
