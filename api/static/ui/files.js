const LEFT_OUT = /^(\.|~\$)|^(Thumbs\.db|desktop\.ini)$/i;

/**
 * The files of a drop, folders walked through, as [{name, path, file()}]. `path` is the one within the dropped folder,
 * null for a file that was dropped by itself. Hidden files and those that systems leave in folders are left out.
 */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return chosenFiles(transfer.files);
  const found = [];
  for (const entry of entries) await walk(entry, entry.isDirectory, found);
  return found;
}

/** The files of an input; those of one with `webkitdirectory` have paths. */
export function chosenFiles(list) {
  return [...list]
    .map((file) => ({ name: file.name, path: file.webkitRelativePath || null, file: async () => file }))
    .filter(({ path }) => !path?.split("/").some((part) => LEFT_OUT.test(part)));
}

async function walk(entry, inFolder, found) {
  if (inFolder && LEFT_OUT.test(entry.name)) return;
  if (entry.isFile) {
    const path = inFolder ? entry.fullPath.replace(/^\//, "") : null;
    found.push({ name: entry.name, path, file: () => new Promise((give, fail) => entry.file(give, fail)) });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((give, fail) => reader.readEntries(give, fail)); // some hundred at a time
    if (!some.length) return;
    for (const child of some) await walk(child, true, found);
  }
}
