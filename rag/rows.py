"""A table's rows as a reader would say them: each cell after the name of its column."""

BAR = " | "


def header_of(text: str, context: str) -> str:
    """Return the header row of a passage's table: from its context, or the first row of its text; "" without one."""
    header = context.partition("\n")[2]
    return header or next((line for line in text.splitlines() if BAR in line), "")


def cells_with_names(row: str, header: str) -> list[tuple[str, str]]:
    """Return (name, cell) of each column of a row; no name where the header does not fit it."""
    names, cells = header.strip().split(BAR), row.strip().split(BAR)
    if len(names) != len(cells) or names == cells:
        names = [""] * len(cells)
    return [(name.strip(), cell.strip()) for name, cell in zip(names, cells, strict=True)]


def in_words(row: str, header: str) -> str:
    """Return a row as `Name: cell; Name: cell`."""
    named = cells_with_names(row, header)
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in named if cell)
