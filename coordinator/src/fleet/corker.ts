import type { Duplex } from "node:stream";

/** Combines all writes of a turn of the event loop into one system call, of a turn in which it is called. */
export function corker(raw: Duplex): () => void {
  let corked = false;
  return () => {
    if (corked) return;
    corked = true;
    raw.cork();
    process.nextTick(() => {
      corked = false;
      raw.uncork();
    });
  };
}
