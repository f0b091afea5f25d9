import type { Duplex } from "node:stream";

/** What may come on a connection before it is its turn, bytes. */
const MAX_AHEAD_BYTES = 64 * 1024;

/**
 * Reads a connection that nobody else reads at the moment, since only who reads notices that the peer has gone. As with
 * Node's own requests, a peer that has closed its side has gone.
 *
 * @param tooMuch told when more has come than is kept
 * @returns `stop` ends it, and hands over what has come; somebody else must read on in the same turn
 */
export function readAhead(socket: Duplex, tooMuch: () => void): { stop(): Buffer } {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const onData = (chunk: Buffer): void => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_AHEAD_BYTES) tooMuch();
  };
  const onEnd = (): void => void socket.destroy();
  socket.on("data", onData).on("end", onEnd);
  return {
    stop() {
      socket.off("data", onData).off("end", onEnd);
      return Buffer.concat(chunks, bytes);
    },
  };
}
