import type { Server } from "node:http";
import type { Socket } from "node:net";

export interface ConnectionTimeouts {
  /** How long a client may take none of what is sent to it, ms. It is cut off after twice that. */
  readonly stalledMs: number;
  /**
   * How long a connection without a request is kept, ms: longer than common balancers keep theirs (60 s), so that it is
   * theirs to close first and no request crosses our close.
   */
  readonly idleMs: number;
  /** A connection that has been idle for so long is closed when this has passed as well, ms. */
  readonly graceMs: number;
}

export const CONNECTION_TIMEOUTS: ConnectionTimeouts = { stalledMs: 15_000, idleMs: 75_000, graceMs: 1_000 };

/** What a connection looked like when its time was up for the first time. */
interface Suspicion {
  readonly read: number;
  readonly written: number;
  readonly unsent: number;
}

/**
 * Ends connections on which nothing moves although it is the client's turn: idle ones, and those whose answers nobody
 * reads. Node's own timeouts say when, since they see how far a single large write has come; they do not decide, since
 * they know nothing of a pause of this process and run before sockets are read. So a connection is ended when its time is
 * up twice in a row and nothing has moved in between.
 *
 * A connection that waits for our answer is left alone, and so is one whose request is still coming: Node's
 * `requestTimeout` ends that.
 */
export function watchTimeouts(server: Server, timeouts: ConnectionTimeouts, watched: WatchedConnections): void {
  const suspects = new WeakMap<Socket, Suspicion>();
  server.timeout = timeouts.stalledMs;
  server.keepAliveTimeout = timeouts.idleMs;
  server.on("timeout", (socket) => {
    const isStalled = socket.writableLength > 0;
    if (!isStalled && watched.awaitsAnswer(socket)) {
      suspects.delete(socket);
      socket.setTimeout(timeouts.stalledMs);
      return;
    }
    const now = { read: socket.bytesRead, written: socket.bytesWritten, unsent: socket.writableLength };
    if (isSame(suspects.get(socket), now)) return watched.end(socket, isStalled ? "unread" : "idle");
    suspects.set(socket, now);
    socket.setTimeout(isStalled ? timeouts.stalledMs : timeouts.graceMs);
  });
}

/** Whose connections they are. */
export interface WatchedConnections {
  /** Whether an answer of ours is due on it. */
  awaitsAnswer(socket: Socket): boolean;
  end(socket: Socket, reason: "unread" | "idle"): void;
}

function isSame(before: Suspicion | undefined, now: Suspicion): boolean {
  return before?.read === now.read && before.written === now.written && before.unsent === now.unsent;
}
