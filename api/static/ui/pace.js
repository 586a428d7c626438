const WINDOW_MS = 20_000;

/** How fast something counts up, from the changes seen in the last 20 seconds. */
export class Pace {
  #seen = [];

  add(done, at = performance.now()) {
    if (this.#seen.length && done < this.#seen.at(-1).done) this.#seen = []; // another step begins
    if (done !== this.#seen.at(-1)?.done) this.#seen.push({ done, at });
    while (this.#seen.length > 2 && at - this.#seen[0].at > WINDOW_MS) this.#seen.shift();
  }

  /** Per second; null until two changes were seen. */
  get rate() {
    const [first, last] = [this.#seen[0], this.#seen.at(-1)];
    return last?.at > first?.at ? ((last.done - first.done) * 1000) / (last.at - first.at) : null;
  }

  /** Seconds until `total`; null while that cannot be told. */
  left(total) {
    return this.rate ? (total - this.#seen.at(-1).done) / this.rate : null;
  }
}

/** "8 s", "3 min", "2 h": as exact as an estimate is. */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
