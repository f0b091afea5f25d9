import { EventSourceParserStream } from "eventsource-parser/stream";

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

/** The events of an answer as they come; ends with the answer. Whoever stops reading cancels it. */
export async function* eventsOf(response: Response): AsyncGenerator<ServerEvent, void> {
  if (response.body === null) return;
  const reader = response.body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array<ArrayBuffer>>)
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield { event: value.event ?? "message", data: value.data };
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
