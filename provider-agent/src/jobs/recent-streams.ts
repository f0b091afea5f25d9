/** How many are remembered: four times as many as can be open at once. */
export const REMEMBERED_STREAMS = 4_096;

/** The streams that ended lately on a connection. What is still under way for them is no fault of anybody's. */
export class RecentStreams {
  /** In the order in which they ended. */
  readonly #streams = new Set<number>();

  add(stream: number): void {
    this.#streams.delete(stream);
    this.#streams.add(stream);
    if (this.#streams.size <= REMEMBERED_STREAMS) return;
    for (const oldest of this.#streams) {
      this.#streams.delete(oldest);
      return;
    }
  }

  has(stream: number): boolean {
    return this.#streams.has(stream);
  }
}
