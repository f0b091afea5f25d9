import { LIMITS, writeDataHeader } from "@hearth/protocol";
import type { Connection } from "./connection.js";
import type { Misdeed } from "./scenario.js";
import type { StreamFrames } from "./stream-frames.js";

/** Breaks the protocol in this way. */
export function misbehave(
  misdeed: Exclude<Misdeed, "partial_event">,
  connection: Connection,
  frames: StreamFrames,
): void {
  const { stream } = frames;
  const send = (bytes: Uint8Array | undefined): void => {
    if (bytes !== undefined) connection.sendRaw(bytes);
  };
  const sealed = (content: string): Uint8Array | undefined => frames.seal(frames.event({ content }, true).text, false);
  switch (misdeed) {
    case "duplicate_frame":
      if (frames.last !== undefined) connection.sendRaw(frames.last);
      return;
    case "skipped_seq":
      sealed("lost");
      return send(sealed("found"));
    case "reordered_frames": {
      const first = sealed("one");
      send(sealed("two"));
      return send(first);
    }
    case "corrupt_frame": {
      const spoilt = sealed("spoilt");
      if (spoilt !== undefined) spoilt[spoilt.length - 5] = (spoilt[spoilt.length - 5] as number) ^ 1;
      return send(spoilt);
    }
    case "plaintext_frame": {
      const text = Buffer.from(`..........${frames.event({ content: "bare" }, true).text}`);
      writeDataHeader(text, { kind: "response", stream, seq: 0, final: false, holds: "content" });
      return send(text);
    }
    case "garbage":
      return connection.sendRaw("{ this is no frame");
    case "foreign_stream": {
      const foreign = Buffer.alloc(40);
      writeDataHeader(foreign, {
        kind: "response",
        stream: stream + 1_000,
        seq: 0,
        final: false,
        holds: "content",
      });
      return send(foreign);
    }
    case "negative_usage":
      return connection.send({
        type: "complete",
        stream,
        usage: { prompt_tokens: -5, completion_tokens: 1 },
      });
    case "overlong_frame":
      return send(new Uint8Array(LIMITS.frameBytes + 1).fill(2));
  }
}
