import { setImmediate as turn } from "node:timers/promises";
import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import type { Backend, BackendResponse } from "../backends/backend.js";
import { callBackend } from "./call-backend.js";

const LOADING = '{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}';

function response(status: number, text = ""): BackendResponse {
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text);
  }
  return { status, contentType: "application/json", body: body() };
}

/** A call to a backend that does as told, in virtual time. */
function call(open: Backend["open"]) {
  const clock = new FakeClock();
  const abort = new AbortController();
  const told = { loading: 0, stalled: 0 };
  const backend: Pick<Backend, "open"> = { open };
  const result = callBackend(
    {
      backend: backend as Backend,
      clock,
      request: { dialect: "chat_completions", body: new Uint8Array(0) },
      hooks: {
        loading: () => {
          told.loading += 1;
        },
        stalled: () => {
          told.stalled += 1;
          abort.abort(new Error("stalled"));
        },
      },
    },
    abort.signal,
  );
  return { clock, told, result };
}

describe("calling the backend", () => {
  it("says nothing when the answer is quick, and leaves no timer", async () => {
    const { clock, told, result } = call(async () => response(200));
    expect((await result).status).toBe(200);
    expect(told).toEqual({ loading: 0, stalled: 0 });
    expect(clock.pending).toBe(0);
  });

  it("asks a loading backend until it has loaded", async () => {
    let asked = 0;
    const { clock, told, result } = call(async () => response(++asked < 4 ? 503 : 200, LOADING));
    while (asked < 4) {
      await turn();
      clock.advance(500);
    }
    expect((await result).status).toBe(200);
    expect(told.loading).toBeGreaterThan(0);
  });

  it("does not ask a full backend again, and keeps its words", async () => {
    let asked = 0;
    const { result } = call(async () => {
      asked += 1;
      return response(503, "all slots are busy");
    });
    const parts: Uint8Array[] = [];
    for await (const part of (await result).body) parts.push(part);
    expect(Buffer.concat(parts).toString()).toBe("all slots are busy");
    expect(asked).toBe(1);
  });
});
