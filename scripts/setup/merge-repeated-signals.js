const SAME_WISH_MS = 500;
const STOP_SIGNALS = new Set(["SIGINT", "SIGTERM", "SIGHUP"]);

/**
 * Delivers stop signals that come close together as one. Call it before anything listens to signals.
 *
 * Ctrl-C under npm can reach a program twice: from the terminal, and passed on by npm. A program that takes a second
 * signal for "at once, without draining" must not see the echo of the first.
 */
export function mergeRepeatedSignals() {
  const emit = process.emit;
  let lastAt = Number.NEGATIVE_INFINITY;
  process.emit = function (event, ...args) {
    if (STOP_SIGNALS.has(event)) {
      const now = performance.now();
      const isEcho = now - lastAt < SAME_WISH_MS;
      lastAt = now;
      if (isEcho) return true;
    }
    return emit.call(this, event, ...args);
  };
}
