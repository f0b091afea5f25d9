import type { Usage } from "@hearth/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Attempt, Chunk, Outcome } from "../dispatch/types.js";
import { HearthError } from "../platform/errors.js";
import { type ChoiceStream, mergeChoices } from "./merge-choices.js";

const usage = (completion: number, more: Partial<Usage> = {}): Usage => ({
  prompt_tokens: 7,
  completion_tokens: completion,
  ...more,
});
const success = (name: string, used: Usage = usage(1)): Outcome => ({
  type: "success",
  attempt: { id: name } as unknown as Attempt,
  usage: used,
});
const FAILED: Outcome = { type: "failed", committed: false, error: new HearthError("provider_error", "No.") };
const BUSY = new HearthError("no_capacity", "Busy.");

const chunk = (text: string): Chunk => ({ dialect: "chat_completions", bytes: new Uint8Array(), parsed: text });

/** A race that says and ends as it is told, and knows what was asked of it. */
class FakeRace {
  asked = 0;
  ended = false;
  readonly signal: AbortSignal;
  readonly stream: ChoiceStream<Attempt>;
  readonly #events: (readonly Chunk[] | Outcome)[] = [];
  #wake: () => void = () => {};

  constructor(signal: AbortSignal) {
    this.signal = signal;
    signal.addEventListener("abort", () => this.ends({ type: "cancelled", committed: false, reason: "superseded" }));
    this.stream = this.#run();
  }

  says(...texts: readonly string[]): void {
    this.#events.push(texts.map(chunk));
    this.#wake();
  }

  ends(outcome: Outcome): void {
    this.#events.push(outcome);
    this.#wake();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async *#run(): ChoiceStream<Attempt> {
    try {
      for (;;) {
        this.asked += 1;
        while (this.#events.length === 0) await this.#woken();
        const event = this.#events.shift() as readonly Chunk[] | Outcome;
        if ("type" in event) return event;
        yield event;
      }
    } finally {
      this.ended = true;
    }
  }
}

/** Everything that was told, in its order. */
async function merged(count: number, given: Partial<Parameters<typeof mergeChoices<Attempt>>[0]> = {}) {
  const controller = new AbortController();
  const races: FakeRace[] = [];
  const told: string[] = [];
  const stream = mergeChoices<Attempt>(
    {
      count,
      whole: false,
      async begin(choice, signal) {
        const race = new FakeRace(signal);
        races[choice] = race;
        return race.stream;
      },
      opens: (choice) => void told.push(`opens ${choice}`),
      ...given,
    },
    controller.signal,
  );
  const over = (async () => {
    for (;;) {
      const next = await stream.next();
      if (next.done) return next.value;
      for (const { choice, parsed } of next.value) told.push(`${choice} ${parsed}`);
    }
  })();
  await settled();
  return { races, told, over, controller };
}

/** Whatever follows from what has happened has happened, too. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("several answers", () => {
  it("come as they are said, each under its number, and cost the prompt once", async () => {
    const { races, told, over } = await merged(3);
    races[2]?.says("c1");
    await settled();
    races[0]?.says("a1", "a2");
    await settled();
    races[2]?.ends(success("c", usage(5, { estimated: true })));
    races[1]?.says("b1");
    races[1]?.ends(success("b", usage(2)));
    await settled();
    races[0]?.ends(success("a", usage(1, { cached_tokens: 3 })));
    expect(await over).toMatchObject({
      type: "success",
      attempt: { id: "a" },
      usage: { prompt_tokens: 7, completion_tokens: 8, cached_tokens: 3, estimated: true },
    });
    expect(told).toEqual(["opens 2", "2 c1", "0 a1", "0 a2", "1 b1"]);
  });

  it("are told in their order when all are complete, where they are wanted whole", async () => {
    const { races, told, over } = await merged(2, { whole: true });
    races[1]?.says("b");
    races[1]?.ends(success("b"));
    races[0]?.says("a");
    await settled();
    expect(told).toEqual([]);
    races[0]?.ends(success("a"));
    await over;
    expect(told).toEqual(["opens 0", "0 a", "1 b"]);
  });

  it("are not told at all where one fails, wanted whole", async () => {
    const { races, told, over } = await merged(2, { whole: true });
    races[0]?.says("a");
    races[0]?.ends(success("a"));
    await settled();
    races[1]?.ends(FAILED);
    expect(await over).toEqual({ ...FAILED, committed: false });
    expect(told).toEqual([]);
  });

  it("are asked for more only by who has taken what there was", async () => {
    const races: FakeRace[] = [];
    const begin = async (choice: number, signal: AbortSignal) => {
      const race = new FakeRace(signal);
      races[choice] = race;
      return race.stream;
    };
    const controller = new AbortController();
    const stream = mergeChoices<Attempt>({ count: 2, whole: false, begin, opens() {} }, controller.signal);
    const first = stream.next();
    await settled();
    for (const race of races) race.says("x");
    await first;
    await settled();
    expect(races.map(({ asked }) => asked)).toEqual([1, 1]);
    await stream.next();
    await settled();
    expect(races.map(({ asked }) => asked)).toEqual([2, 1]);
    controller.abort("consumer_gone");
    await stream.return(FAILED as never);
  });
});

describe("a failure that a race could not hide", () => {
  it("ends the whole, in-band where something was told, and calls the others off", async () => {
    const { races, over } = await merged(2);
    races[0]?.says("a");
    await settled();
    races[1]?.ends(FAILED);
    expect(await over).toEqual({ ...FAILED, committed: true });
    expect(races.map(({ signal, ended }) => [signal.reason, ended])).toEqual([
      ["superseded", true],
      ["superseded", true],
    ]);
  });

  it("is a plain one where nothing was told", async () => {
    const { races, over } = await merged(2);
    races[1]?.ends(FAILED);
    expect(await over).toEqual(FAILED);
  });

  it("may be our own: what a race throws is told, too", async () => {
    const broken = (async function* () {
      yield* [];
      throw new TypeError("ours");
    })() as ChoiceStream<Attempt>;
    const { over } = await merged(1, { begin: async () => broken });
    expect(await over).toMatchObject({ type: "failed", error: { code: "internal" } });
  });
});

describe("a consumer who goes", () => {
  it.each(["consumer_gone", "shutdown"] as const)("calls off every race: %s", async (reason) => {
    const { races, over, controller } = await merged(3);
    controller.abort(reason);
    expect(await over).toMatchObject({ type: "cancelled", committed: false, reason });
    expect(races.map(({ signal, ended }) => [signal.reason, ended])).toEqual(Array(3).fill([reason, true]));
  });

  it("was gone before anything began", async () => {
    const controller = new AbortController();
    controller.abort("consumer_gone");
    const begun: number[] = [];
    const begin = async (choice: number) => {
      begun.push(choice);
      return BUSY;
    };
    const stream = mergeChoices<Attempt>({ count: 2, whole: false, begin, opens() {} }, controller.signal);
    expect(await stream.next()).toMatchObject({ done: true, value: { type: "cancelled", reason: "consumer_gone" } });
    expect(begun).toEqual([]);
  });

  it("leaves nobody in the line for a slot", async () => {
    let wait: AbortSignal | undefined;
    const { over, controller } = await merged(2, {
      begin: async (choice, signal) => {
        if (choice === 0) return new FakeRace(signal).stream;
        wait = signal;
        return await new Promise<HearthError>((resolve) => signal.addEventListener("abort", () => resolve(BUSY)));
      },
    });
    controller.abort("consumer_gone");
    expect(await over).toMatchObject({ type: "cancelled", reason: "consumer_gone" });
    expect(wait?.aborted).toBe(true);
  });

  it("closes what had found its slot in the same moment", async () => {
    let slot: ((race: ChoiceStream<Attempt>) => void) | undefined;
    let late: FakeRace | undefined;
    const { over, controller } = await merged(2, {
      begin: async (choice, signal) => {
        late = new FakeRace(signal);
        if (choice === 0) return late.stream;
        return await new Promise<ChoiceStream<Attempt>>((resolve) => {
          slot = resolve;
        });
      },
    });
    controller.abort("consumer_gone");
    slot?.(late?.stream as ChoiceStream<Attempt>);
    expect(await over).toMatchObject({ type: "cancelled" });
    expect(late?.ended).toBe(true);
  });
});

describe("where slots are few", () => {
  it("one that finds none is tried again when another has ended, and what runs waits for nobody", async () => {
    const races: FakeRace[] = [];
    let free = 1;
    const { told, over } = await merged(3, {
      begin: async (choice, signal) => {
        if (free === 0) return BUSY;
        free -= 1;
        const race = new FakeRace(signal);
        races[choice] = race;
        return race.stream;
      },
    });
    for (const [choice, name] of ["a", "b", "c"].entries()) {
      expect(races).toHaveLength(choice + 1);
      races[choice]?.says(name);
      await settled();
      free = 1;
      races[choice]?.ends(success(name));
      await settled();
    }
    expect(await over).toMatchObject({ type: "success", usage: { completion_tokens: 3 } });
    expect(told).toEqual(["opens 0", "0 a", "1 b", "2 c"]);
  });

  it("what came in the way is told when nobody is left who could give a slot back", async () => {
    const races: FakeRace[] = [];
    const { over } = await merged(2, {
      begin: async (choice, signal) => {
        if (choice === 1) return BUSY;
        races[choice] = new FakeRace(signal);
        return races[choice].stream;
      },
    });
    races[0]?.says("a");
    races[0]?.ends(success("a"));
    expect(await over).toEqual({ type: "failed", committed: true, error: BUSY });
  });
});

it("loses nothing and mixes nothing up, however they come", async () => {
  const said = fc.record({
    choice: fc.nat(3),
    texts: fc.array(fc.nat(99).map(String), { minLength: 1, maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(said, { maxLength: 20 }), fc.boolean(), async (sayings, whole) => {
      const { races, told, over } = await merged(4, { whole });
      const expected: string[][] = [[], [], [], []];
      for (const { choice, texts } of sayings) {
        races[choice]?.says(...texts);
        expected[choice]?.push(...texts);
      }
      for (const race of races) race.ends(success("x"));
      expect(await over).toMatchObject({ type: "success", usage: { completion_tokens: 4 } });
      for (const [choice, texts] of expected.entries()) {
        const mine = told.filter((line) => line.startsWith(`${choice} `));
        expect(mine).toEqual(texts.map((text) => `${choice} ${text}`));
      }
      expect(races.every(({ ended }) => ended)).toBe(true);
    }),
    { numRuns: 60 },
  );
});
