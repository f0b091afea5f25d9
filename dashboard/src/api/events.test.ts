import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { eventsOf, type ServerEvent } from "./events.js";

const TEXT =
  'event: snapshot\ndata: {"in_flight":1}\n\n: nothing\n\ndata: é\ndata: two\n\nevent: request\r\ndata: {}\r\n\r\n';
const bytes = new TextEncoder().encode(TEXT);

function answer(parts: readonly Uint8Array[], onCancel?: () => void): Response {
  const left = [...parts];
  return new Response(
    new ReadableStream({
      pull: (controller) => {
        const part = left.shift();
        if (part === undefined) controller.close();
        else controller.enqueue(part);
      },
      ...(onCancel === undefined ? {} : { cancel: onCancel }),
    }),
  );
}

async function read(response: Response): Promise<ServerEvent[]> {
  const events: ServerEvent[] = [];
  for await (const event of eventsOf(response)) events.push(event);
  return events;
}

it("reads the same events however they are cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: bytes.length }), { maxLength: 9 }), async (at) => {
      const cuts = [0, ...at.sort((a, b) => a - b), bytes.length];
      const parts = cuts.slice(1).map((to, n) => bytes.slice(cuts[n], to));
      expect(await read(answer(parts))).toEqual([
        { event: "snapshot", data: '{"in_flight":1}' },
        { event: "message", data: "é\ntwo" },
        { event: "request", data: "{}" },
      ]);
    }),
  );
});

it("ends the answer when nobody reads on", async () => {
  let cancelled = false;
  const endless = answer(Array(1_000).fill(bytes), () => {
    cancelled = true;
  });
  for await (const { event } of eventsOf(endless)) if (event === "snapshot") break;
  await vi.waitFor(() => expect(cancelled).toBe(true));
});
