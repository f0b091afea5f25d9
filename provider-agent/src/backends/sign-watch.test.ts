import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { DEFAULT_SIGN_WATCH, type MovedSign, type ServerSign, SignWatch, type WatchedRequest } from "./sign-watch.js";

const { quietMs, everyMs, timeoutMs } = DEFAULT_SIGN_WATCH;

/** A server that is asked in virtual time. */
function start() {
  const clock = new FakeClock();
  const asked: { readonly models: readonly string[]; readonly signal: AbortSignal }[] = [];
  let signs: readonly ServerSign[] = [];
  let answers = true;
  const watch = new SignWatch({
    clock,
    read: (models, signal) => {
      asked.push({ models, signal });
      if (answers) return Promise.resolve(signs);
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    },
  });
  const request = (model = "m", begun = false) => {
    const told: MovedSign[] = [];
    let since: number | undefined = clock.now();
    const watched: WatchedRequest = {
      model,
      waitingSince: () => since,
      begun: () => begun,
      moved: (sign) => told.push(sign),
    };
    const waits = (from: number | undefined): void => {
      since = from;
    };
    return { told, waits, handle: watch.watch(watched) };
  };
  /** Lets time pass second by second, answers included. */
  const pass = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += everyMs) {
      clock.advance(everyMs);
      for (let i = 0; i < 5; i++) await Promise.resolve();
    }
  };
  return {
    clock,
    asked,
    request,
    pass,
    says: (...next: readonly ServerSign[]) => {
      signs = next;
    },
    hangs: () => {
      answers = false;
    },
  };
}

const decoded = (counter: number, of: ServerSign["of"] = { type: "server" }): ServerSign => ({
  key: "decoded",
  sign: "generating",
  counter,
  of,
});

describe("watching a server for signs", () => {
  it("asks nothing while answers come, and once a second however many requests wait", async () => {
    const { clock, asked, request, pass } = start();
    const [a, b] = [request("a"), request("b")];
    await pass(quietMs - everyMs);
    a.waits(clock.now());
    b.waits(undefined);
    await pass(quietMs - everyMs);
    expect(asked).toEqual([]);
    b.waits(0);
    await pass(3 * everyMs);
    expect(asked.map(({ models }) => models)).toEqual([
      ["a", "b"],
      ["a", "b"],
      ["a", "b"],
    ]);
  });

  it("tells what has moved between two questions, and neither a first reading nor one that stands", async () => {
    const { request, pass, says } = start();
    const { told } = request();
    says(decoded(5_000));
    await pass(quietMs + 2 * everyMs);
    expect(told).toEqual([]);
    says(decoded(5_007));
    await pass(2 * everyMs);
    expect(told).toEqual([{ sign: "generating", counter: 5_007, by: 7, scope: "server" }]);
    says(decoded(3));
    await pass(everyMs);
    says({ ...decoded(9_000), key: "another" });
    await pass(everyMs);
    expect(told).toHaveLength(1);
  });

  it("forgets its readings when nobody waits any more", async () => {
    const { clock, request, pass, says } = start();
    const { told, waits } = request();
    says(decoded(1));
    await pass(quietMs + everyMs);
    waits(clock.now());
    await pass(everyMs);
    says(decoded(900));
    await pass(quietMs);
    expect(told).toEqual([]);
  });

  it("asks one question at a time, gives each up in time, and ends with its last request", async () => {
    const { clock, asked, request, pass, hangs } = start();
    hangs();
    const [a, b] = [request(), request()];
    await pass(quietMs + timeoutMs - everyMs);
    expect(asked).toHaveLength(1);
    await pass(2 * everyMs);
    expect(asked).toHaveLength(2);
    a.handle[Symbol.dispose]();
    expect(asked[1]?.signal.aborted).toBe(false);
    b.handle[Symbol.dispose]();
    expect(asked[1]?.signal.aborted).toBe(true);
    await pass(everyMs);
    expect([asked.length, clock.pending]).toEqual([2, 0]);
  });
});

describe("what moved", () => {
  /** The scopes that requests get told. */
  async function scopes(of: ServerSign["of"], ...requests: readonly (readonly [model: string, begun: boolean])[]) {
    const { request, pass, says } = start();
    const all = requests.map(([model, begun]) => request(model, begun));
    says(decoded(1, of));
    await pass(quietMs);
    says(decoded(2, of));
    await pass(everyMs);
    return all.map(({ told }) => told[0]?.scope);
  }
  const only = { type: "only_request", hasRoom: true } as const;
  const full = { type: "only_request", hasRoom: false } as const;

  it("is the request's own where it names its model", async () => {
    expect(await scopes({ type: "model", model: "m" }, ["m", false], ["n", true])).toEqual(["request", "server"]);
    expect(await scopes({ type: "server" }, ["m", true])).toEqual(["server"]);
  });

  it("is the only request's that is worked on, where that can be no other", async () => {
    expect(await scopes(only, ["m", false])).toEqual(["request"]);
    expect(await scopes(only, ["m", false], ["m", false])).toEqual(["server", "server"]);
    expect(await scopes(only, ["m", true], ["m", false])).toEqual(["request", "server"]);
    expect(await scopes(only, ["m", true], ["m", true])).toEqual(["server", "server"]);
    expect(await scopes({ ...only, model: "m" }, ["m", false], ["n", true])).toEqual(["request", "server"]);
  });

  it("may be a stranger's where the server has no room for another one", async () => {
    expect(await scopes(full, ["m", false])).toEqual(["server"]);
    expect(await scopes(full, ["m", true])).toEqual(["request"]);
  });
});
