/** Lines of a byte stream, ended by LF, CR or CRLF, whatever the chunks. */
async function* readLines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let endedInCr = false;
  try {
    for (;;) {
      const { value: chunk, done } = await reader.read();
      if (done) return;
      const fresh = endedInCr && chunk.startsWith("\n") ? chunk.slice(1) : chunk;
      endedInCr = chunk.endsWith("\r");
      const lines = (rest + fresh).split(/\r\n|\n|\r/);
      rest = lines.pop();
      yield* lines;
    }
  } finally {
    reader.cancel().catch(() => {}); // already failed or aborted: nothing left to release
  }
}

/**
 * Yield {event, data, id} for each server-sent event in a fetch body; `id` is the last one that was sent. Leaving the loop cancels the body.
 * Comments are skipped and an event cut off by the end is dropped (WHATWG HTML, section 9.2.6).
 */
export async function* readEvents(body) {
  let event = "";
  let data = [];
  let id = "";
  for await (const line of readLines(body)) {
    const [, field, value = ""] = line.match(/^([^:]*)(?:: ?(.*))?$/s);
    if (field === "event") event = value;
    if (field === "data") data.push(value);
    if (field === "id") id = value;
    if (line !== "") continue;
    if (data.length) yield { event: event || "message", data: data.join("\n"), id };
    event = "";
    data = [];
  }
}
