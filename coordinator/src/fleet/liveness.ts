import { type Clock, repeat } from "@hearth/platform";
import { LIMITS } from "@hearth/protocol";
import type { WebSocket } from "ws";

/** Pings the peer and calls `dead` once when it has missed `LIMITS.missedPongs` in a row. */
export function watchLiveness(socket: WebSocket, clock: Clock, dead: () => void): Disposable {
  let unanswered = 0;
  const onPong = (): void => {
    unanswered = 0;
  };
  socket.on("pong", onPong);
  const pings = repeat(clock, LIMITS.pingIntervalMs, () => {
    if (unanswered >= LIMITS.missedPongs) return dead();
    unanswered += 1;
    socket.ping();
  });
  return {
    [Symbol.dispose]() {
      pings[Symbol.dispose]();
      socket.off("pong", onPong);
    },
  };
}
