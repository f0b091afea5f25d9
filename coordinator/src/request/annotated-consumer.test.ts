import type { SignedEntry } from "@hearth/attestation";
import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { HearthError } from "../platform/errors.js";
import { AnnotatedConsumer, type Annotations } from "./annotated-consumer.js";
import type { Consumer, CostWriter } from "./consumer.js";

const WRITER: CostWriter = {
  whole: (body, cost) => ({ ...body, cost: String(cost) }),
  event: (event, cost) => `${event.toString()}+${cost}`,
};

/** A consumer that keeps what it is told, call by call. */
function spied(): { readonly spy: Consumer; readonly calls: unknown[] } {
  const calls: unknown[] = [];
  const names = ["setHeaders", "sendJson", "sendError", "openStream", "write", "finishStream", "endStream"] as const;
  const tell = names.map((name) => [name, (...args: unknown[]) => void calls.push([name, ...args])]);
  return { spy: Object.fromEntries(tell) as unknown as Consumer, calls };
}

function annotated(consumer: Consumer, of: Partial<Annotations>, writer?: CostWriter, clock = new FakeClock()) {
  const deps = { clock, receiptWaitMs: 50, cost: writer };
  return new AnnotatedConsumer(consumer, deps, { request: { id: "req_1" }, cost: undefined, trailers: [], ...of });
}

/** What a consumer is told of an answer that nobody signs. */
function told(cost: bigint | undefined, writer: CostWriter | undefined, tell: (consumer: Consumer) => void): unknown[] {
  const { spy, calls } = spied();
  tell(annotated(spy, { cost }, writer));
  return calls;
}

const COMMENT = ': hearth-cost {"request_id":"req_1","cost_micro_usd":12}\n\n';

describe("a consumer of an answer that costs something", () => {
  it("finds it in a header and in the usage of a whole answer", () => {
    expect(told(12n, WRITER, (consumer) => consumer.sendJson({ a: 1 }))).toEqual([
      ["setHeaders", { "X-Hearth-Cost": "0.000012" }],
      ["sendJson", { a: 1, cost: "12" }],
    ]);
  });

  it("finds it in the last events of a stream, and in a comment behind them", () => {
    const stream = (consumer: Consumer): void => {
      consumer.openStream();
      consumer.write("first");
      consumer.endStream("usage", "done");
    };
    expect(told(12n, WRITER, stream)).toEqual([
      ["openStream"],
      ["write", "first"],
      ["endStream", "usage+12", "done+12", COMMENT],
    ]);
  });

  it("finds it beside the usage only, where that has no room for it", () => {
    expect(told(12n, undefined, (consumer) => consumer.sendJson({ a: 1 }))[1]).toEqual(["sendJson", { a: 1 }]);
    expect(told(12n, undefined, (consumer) => consumer.endStream("end"))).toEqual([["endStream", "end", COMMENT]]);
  });

  it("is told that nothing is what it costs", () => {
    expect(told(0n, undefined, (consumer) => consumer.sendJson({}))[0]).toEqual([
      "setHeaders",
      { "X-Hearth-Cost": "0" },
    ]);
  });
});

it("tells nothing of money where nothing has a price", () => {
  const error = new HearthError("internal", "x");
  const all = (consumer: Consumer): void => {
    consumer.setHeaders({ a: "b" });
    consumer.sendJson({ a: 1 });
    consumer.sendError(error);
    consumer.finishStream("x");
    consumer.endStream("usage", "done");
  };
  expect(told(undefined, WRITER, all)).toEqual([
    ["setHeaders", { a: "b" }],
    ["sendJson", { a: 1 }],
    ["sendError", error],
    ["finishStream", "x"],
    ["endStream", "usage", "done"],
  ]);
});

describe("a stream that its provider signs", () => {
  const bytes = Buffer.from("receipt");
  const signed: SignedEntry = { blob: bytes, batch: { blob: bytes, signature: bytes, index: 0, proof: [] } };

  it("ends with the receipt, behind what it has cost", async () => {
    const { spy, calls } = spied();
    const consumer = annotated(spy, {
      cost: 12n,
      trailers: [{ requestId: "req_1", receipt: Promise.resolve(signed) }],
    });
    consumer.endStream("done");
    expect(calls).toEqual([["finishStream", "done", COMMENT]]);
    await consumer.ended;
    expect(calls[1]).toEqual(["endStream", expect.stringMatching(/^: hearth-receipt \{.*\}\n\n$/)]);
  });

  it("waits no longer than it may, and names what is missing", async () => {
    const { spy, calls } = spied();
    const clock = new FakeClock();
    const consumer = annotated(
      spy,
      { trailers: [{ requestId: "req_1", receipt: new Promise(() => {}) }] },
      WRITER,
      clock,
    );
    consumer.endStream("done");
    clock.advance(49);
    expect(calls).toEqual([["finishStream", "done"]]);
    clock.advance(1);
    await consumer.ended;
    expect(calls[1]).toEqual(["endStream", ': hearth-receipt {"status":"pending","request_id":"req_1"}\n\n']);
  });

  it("says nothing where there will be no receipt", async () => {
    const { spy, calls } = spied();
    const consumer = annotated(spy, { trailers: [{ requestId: "req_1", receipt: Promise.resolve(undefined) }] });
    consumer.endStream("done");
    await consumer.ended;
    expect(calls).toEqual([["finishStream", "done"], ["endStream"]]);
  });
});
