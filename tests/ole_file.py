"""A small OLE container, as Office wrote them before 2007 and Outlook still does ([MS-CFB], version 3)."""

import struct

SECTOR = 512
STREAM = 4096  # bytes; shorter streams would need a second kind of sectors
END, FREE, FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def ole(*names: str, **contents: bytes) -> bytes:
    """Return a container with streams of these names, 4,096 bytes each: their content, then zeros."""
    streams = dict.fromkeys(names, b"") | contents
    names = tuple(streams)
    directory = [_entry("Root Entry", 5, child=1)]
    entries_sectors = -(-(len(names) + 1) // 4)
    per_stream = STREAM // SECTOR
    fat = [FAT, *_chain(1, entries_sectors)]
    for number, name in enumerate(names):
        start = len(fat)
        directory.append(_entry(name, 2, right=number + 2 if number + 1 < len(names) else FREE, start=start))
        fat += _chain(start, per_stream)
    fat += [FREE] * (SECTOR // 4 - len(fat))  # one sector of them: up to 15 streams
    header = struct.pack(
        "<8s16x5H6xIIIIIIIIII",
        bytes.fromhex("d0cf11e0a1b11ae1"),
        *(0x3E, 3, 0xFFFE, 9, 6),
        *(0, 1, 1, 0, STREAM, END, 0, END, 0, 0),
    )
    body = struct.pack(f"<{len(fat)}I", *fat) + b"".join(directory).ljust(entries_sectors * SECTOR, b"\x00")
    return (
        header.ljust(SECTOR, b"\xff") + body + b"".join(content.ljust(STREAM, b"\x00") for content in streams.values())
    )


def _chain(start: int, sectors: int) -> list[int]:
    return [*range(start + 1, start + sectors), END]


def _entry(name: str, kind: int, *, right: int = FREE, child: int = FREE, start: int = END) -> bytes:
    text = name.encode("utf-16-le")
    size = STREAM if kind == 2 else 0
    return struct.pack(
        "<64sHBBIII16xI16xIQ", text, len(text) + 2, kind, 1, FREE, right, child, 0, start if kind == 2 else END, size
    )
