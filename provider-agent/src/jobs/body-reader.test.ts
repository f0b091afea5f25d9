import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { BodyReader, STALL_MS } from "./body-reader.js";

async function* parts(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

describe("reading a body", () => {
  it("calls a backend stalled that has begun and then says nothing for 45 s while it is read, and only then", async () => {
    const clock = new FakeClock();
    let stalled = 0;
    let begin: () => void = () => {};
    const first = new Promise<void>((resolve) => {
      begin = resolve;
    });
    async function* half(): AsyncGenerator<Uint8Array> {
      await first;
      yield Buffer.from("half");
      await new Promise<never>(() => {});
    }
    let begun = 0;
    using reader = new BodyReader(half(), clock, {
      stalled: () => {
        stalled += 1;
      },
      begun: () => {
        begun += 1;
      },
    });
    const reading = reader.next();
    clock.advance(10 * STALL_MS);
    expect({ stalled, begun }).toEqual({ stalled: 0, begun: 0 });
    begin();
    await reading;
    expect(begun).toBe(1);
    void reader.next();
    clock.advance(STALL_MS - 1);
    expect(stalled).toBe(0);
    clock.advance(1);
    expect(stalled).toBe(1);
  });

  it("does not count the time between two reads: that is ours, not the backend's", async () => {
    const clock = new FakeClock();
    let stalled = 0;
    using reader = new BodyReader(parts("a", "b"), clock, {
      stalled: () => {
        stalled += 1;
      },
    });
    await reader.next();
    clock.advance(10 * STALL_MS);
    await reader.next();
    expect(stalled).toBe(0);
  });

  it("leaves it to another to say what silence is, and tells when the backend is listened to", async () => {
    const clock = new FakeClock();
    const events: string[] = [];
    const told = (event: string) => () => void events.push(event);
    using reader = new BodyReader(parts(": ping", "content"), clock, {
      stalled: told("stalled"),
      begun: told("begun"),
    });
    reader.leaveTo({ listen: told("listen"), rest: told("rest") });
    await reader.next();
    await reader.next();
    void reader.next();
    clock.advance(10 * STALL_MS);
    expect(events).toEqual(["listen", "rest", "listen", "rest", "listen"]);
    expect(clock.pending).toBe(0);
  });

  it("stops when it has enough", async () => {
    using reader = new BodyReader(parts("abc", "def", "ghi"), new FakeClock(), { stalled: () => {} });
    expect((await reader.readUpTo(4)).toString()).toBe("abcdef");
    expect((await reader.readUpTo(100)).toString()).toBe("ghi");
  });

  it("gives a tail that takes too long up, and leaves no timer", async () => {
    const clock = new FakeClock();
    let giveUp: () => void = () => {};
    const endless: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Promise<never>((_, reject) => {
            giveUp = () => reject(new Error("aborted"));
          }),
      }),
    };
    const reader = new BodyReader(endless, clock, { stalled: () => {} });
    const finished = reader.finish(() => giveUp());
    clock.advance(1_000);
    await finished;
    reader[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });
});
