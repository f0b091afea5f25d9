import { describe, expect, it } from "vitest";
import { HearthError } from "../platform/errors.js";
import type { Consumer, CostWriter } from "./consumer.js";
import { PricedConsumer } from "./priced-consumer.js";

const WRITER: CostWriter = {
  whole: (body, cost) => ({ ...body, cost: String(cost) }),
  event: (event, cost) => `${event.toString()}+${cost}`,
};

/** What a consumer is told, call by call. */
function told(cost: bigint | undefined, writer: CostWriter | undefined, tell: (consumer: Consumer) => void): unknown[] {
  const calls: unknown[] = [];
  const names = ["setHeaders", "sendJson", "sendError", "openStream", "write", "finishStream", "endStream"] as const;
  const spy = Object.fromEntries(
    names.map((name) => [name, (...args: unknown[]) => void calls.push([name, ...args])]),
  ) as unknown as Consumer;
  tell(new PricedConsumer(spy, { request: { id: "req_1" }, cost }, writer));
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
