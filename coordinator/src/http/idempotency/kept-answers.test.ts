import { FakeClock } from "@hearth/platform/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HearthError } from "../../platform/errors.js";
import { countingIds } from "../../platform/ids.js";
import { type KeptAnswer, openAnswer, sealAnswer } from "./kept-answer.js";
import {
  type Begun,
  DEFAULT_IDEMPOTENCY,
  type Execution,
  type IdempotencySettings,
  KeptAnswers,
} from "./kept-answers.js";

const SALT = new Uint8Array(32).fill(7);
const answer = (body: string | Uint8Array): KeptAnswer => ({
  type: "json",
  headers: { "X-A": "1" },
  body: Buffer.from(body),
});

describe("an answer that is kept", () => {
  it("is what was told, whatever that was", () => {
    const headers = fc.dictionary(fc.string(), fc.string());
    const body = fc.uint8Array({ maxLength: 5_000 });
    const kind = fc.constantFrom("json" as const, "stream" as const);
    fc.assert(
      fc.property(kind, headers, body, fc.array(fc.string(), { maxLength: 3 }), (type, told, bytes, secrets) => {
        const opened = openAnswer(sealAnswer({ type, headers: told, body: bytes }, secrets, SALT), secrets);
        expect({ ...opened, body: Buffer.from("body" in opened ? opened.body : []) }).toEqual({
          type,
          headers: { ...told },
          body: Buffer.from(bytes),
        });
      }),
    );
  });

  it("may be an error, with the backend's own words", () => {
    const details = { status: 400, param: "x", upstreamError: { message: "odd" }, cause: new Error("ours") };
    const error = new HearthError("request_rejected", "No.", details);
    const opened = openAnswer(sealAnswer({ type: "error", headers: {}, error }, ["k"], SALT), ["k"]);
    if (opened.type !== "error") throw new Error("no error");
    expect(opened.error).toBeInstanceOf(HearthError);
    const { cause: _cause, ...told } = details;
    expect([opened.error.code, opened.error.message, opened.error.details]).toEqual(["request_rejected", "No.", told]);
  });

  it("cannot be read without the secrets, nor from what is in memory", () => {
    const sealed = sealAnswer(answer("a secret diagnosis"), ["key", "name"], SALT);
    expect(Buffer.from(sealed).toString("latin1")).not.toContain("diagnosis");
    for (const secrets of [["key"], ["key", "other"], ["keyn", "ame"], []])
      expect(() => openAnswer(sealed, secrets)).toThrow();
    for (const at of [0, 40, sealed.length - 1]) {
      const spoilt = Uint8Array.from(sealed);
      spoilt[at] = (spoilt[at] as number) ^ 1;
      expect(() => openAnswer(spoilt, ["key", "name"])).toThrow();
    }
  });
});

function keeping(changes: Partial<IdempotencySettings> = {}) {
  const clock = new FakeClock();
  const kept = new KeptAnswers(clock, countingIds(), () => ({ ...DEFAULT_IDEMPOTENCY, ...changes }));
  const begin = (key: string, fingerprint = "body", account = "anna"): Begun =>
    kept.begin({ account, secrets: ["api-key", key], fingerprint });
  const first = (key: string, account = "anna"): Execution => {
    const begun = begin(key, "body", account);
    if (begun.type !== "first") throw new Error(begun.type);
    return begun.execution;
  };
  const codeOf = (key: string, fingerprint?: string, account?: string): string => {
    try {
      return begin(key, fingerprint, account).type;
    } catch (error) {
      return HearthError.from(error).code;
    }
  };
  return { clock, kept, begin, first, codeOf };
}

describe("the answers that are kept", () => {
  it("are made once: whoever comes meanwhile waits, and whoever comes then gets it", async () => {
    const { begin, first } = keeping();
    const execution = first("a");
    const second = begin("a");
    if (second.type !== "running") throw new Error(second.type);
    using _awaited = second.execution.awaited();
    expect(execution.waiters).toBe(1);
    execution.settle(answer("yes"));
    await second.execution.ended;
    expect(begin("a")).toEqual({ type: "kept", answer: answer("yes") });
  });

  it("are not mixed up between keys, API keys and accounts", () => {
    const { kept, first, codeOf } = keeping();
    first("a").settle(answer("yes"));
    expect(codeOf("b")).toBe("first");
    expect(codeOf("a", "body", "bert")).toBe("first");
    expect(kept.begin({ account: "anna", secrets: ["other-key", "a"], fingerprint: "body" }).type).toBe("first");
    expect(codeOf("a")).toBe("kept");
  });

  it("are for the same body alone, also while it runs", () => {
    const { first, codeOf } = keeping();
    const execution = first("a");
    expect(codeOf("a", "another")).toBe("idempotency_key_reused");
    execution.settle(answer("yes"));
    expect(codeOf("a", "another")).toBe("idempotency_key_reused");
  });

  it("are made anew where nothing came of it that is worth keeping", async () => {
    const { first, codeOf, kept } = keeping();
    const execution = first("a");
    execution.settle(undefined);
    await execution.ended;
    expect([kept.size, codeOf("a", "another")]).toEqual([0, "first"]);
  });

  it("are not made again where they were given and are not here", () => {
    const { first, codeOf, kept } = keeping();
    first("a").settle("not_kept");
    expect([codeOf("a"), kept.size, kept.bytes]).toEqual(["answer_not_kept", 1, 0]);
  });

  it("are forgotten in time, also where nobody asks", () => {
    const { clock, first, codeOf, kept } = keeping({ keptMs: 200_000 });
    first("a").settle(answer("yes"));
    clock.advance(100_000);
    first("b").settle(answer("yes"));
    clock.advance(99_999);
    expect([codeOf("a"), kept.size]).toEqual(["kept", 2]);
    clock.advance(60_000);
    expect(kept.size).toBe(1);
    clock.advance(60_000);
    expect([kept.size, kept.bytes]).toEqual([0, 0]);
    kept[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });

  it("are anew once their time is over, before anybody has swept", () => {
    const { clock, first, codeOf } = keeping({ keptMs: 10_000 });
    first("a").settle(answer("yes"));
    clock.advance(10_000);
    expect(codeOf("a")).toBe("first");
  });

  it("give way by bytes, the oldest of whoever has most, and their keys stay", () => {
    const { first, codeOf, kept } = keeping({ bytes: 2_500 });
    first("bert", "bert").settle(answer("x".repeat(500)));
    for (const key of ["a", "b", "c", "d"]) first(key).settle(answer("x".repeat(700)));
    expect(["a", "b", "c", "d"].map((key) => codeOf(key))).toEqual([
      "answer_not_kept",
      "answer_not_kept",
      "kept",
      "kept",
    ]);
    expect(codeOf("bert", "body", "bert")).toBe("kept");
    expect(kept.bytes).toBeLessThanOrEqual(2_500);
  });

  it("give way by keys, but never what runs", () => {
    const { first, codeOf, kept } = keeping({ keys: 2 });
    const running = first("runs");
    for (const key of ["a", "b", "c"]) first(key).settle(answer("yes"));
    expect([codeOf("runs"), kept.size]).toEqual(["running", 2]);
    expect(codeOf("c")).toBe("kept");
    running.settle(answer("yes"));
    expect(kept.size).toBe(2);
  });
});

it("counts what it holds, whatever happens", () => {
  const act = fc.record({
    account: fc.constantFrom("anna", "bert"),
    key: fc.constantFrom("a", "b", "c", "d", "e"),
    end: fc.constantFrom("answer", "not_kept", "nothing", "later"),
    size: fc.nat(900),
    wait: fc.nat(30_000),
  });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const { clock, kept, begin } = keeping({ keptMs: 100_000, keys: 4, bytes: 2_000 });
      const running = new Set<Execution>();
      for (const { account, key, end, size, wait } of acts) {
        clock.advance(wait);
        let begun: Begun | undefined;
        try {
          begun = begin(key, "body", account);
        } catch (error) {
          expect(HearthError.from(error).code).toBe("answer_not_kept");
        }
        if (begun?.type === "first") {
          running.add(begun.execution);
          if (end !== "later") {
            running.delete(begun.execution);
            begun.execution.settle(
              end === "answer" ? answer("x".repeat(size)) : end === "nothing" ? undefined : "not_kept",
            );
          }
        }
        expect(kept.bytes).toBeGreaterThanOrEqual(0);
        expect(kept.bytes).toBeLessThanOrEqual(2_000);
        expect(kept.size).toBeLessThanOrEqual(Math.max(4, running.size));
        expect(kept.size).toBeGreaterThanOrEqual(running.size);
      }
      for (const execution of running) execution.settle(undefined);
      clock.advance(200_000);
      expect([kept.size, kept.bytes]).toEqual([0, 0]);
    }),
  );
});
