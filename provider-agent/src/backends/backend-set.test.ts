import { describe, expect, it } from "vitest";
import { createLogger } from "../platform/logger.js";
import type { Backend, BackendSlot, BackendStatus, ReachableBackend } from "./backend.js";
import { BackendSet } from "./backend-set.js";

const never = new AbortController().signal;
const GONE: BackendStatus = { type: "unreachable", problem: "ECONNREFUSED" };

/** Serves these models, each of a context length that tells whose it is. */
function serving(context: number, ...ids: readonly string[]): ReachableBackend {
  const models = ids.map((id) => ({ id, context_length: context, capabilities: {} }));
  const slots = ids.map((model): BackendSlot => ({ model, state: "idle", maxConcurrency: context }));
  return { type: "reachable", models, slots, sources: new Map(ids.map((id) => [id, { path: `/${context}/${id}` }])) };
}

class FakeBackend implements Backend {
  readonly name: string;
  status: BackendStatus;
  opened: string[] = [];
  stopped = 0;

  constructor(name: string, status: BackendStatus) {
    this.name = name;
    this.status = status;
  }

  async probe(): Promise<BackendStatus> {
    return this.status;
  }

  async open({ body }: { readonly body: Uint8Array }): Promise<{ status: number; contentType: string; body: never }> {
    this.opened.push(Buffer.from(body).toString("utf8"));
    return { status: 200, contentType: "", body: [] as never };
  }

  async stop(): Promise<void> {
    this.stopped += 1;
  }
}

function start() {
  const first = new FakeBackend("first", serving(1, "a", "both"));
  const second = new FakeBackend("second", serving(2, "both", "c"));
  return { first, second, set: new BackendSet([first, second], createLogger("silent")) };
}

const ask = (set: BackendSet, model: string): Promise<{ readonly status: number }> =>
  set.open({ dialect: "chat_completions", model, body: Buffer.from("{}") }, never);

describe("several backends as one", () => {
  it("miss what is named for them where none of them has it, and only while none is away", async () => {
    const { first, second, set } = start();
    first.status = { ...serving(1, "a"), missing: ["c", "nowhere"] };
    second.status = GONE;
    expect(await set.probe(never)).not.toHaveProperty("missing");
    second.status = { ...serving(2, "c"), missing: ["a", "nowhere"] };
    expect(await set.probe(never)).toMatchObject({ missing: ["nowhere"] });
  });

  it("tell which of them does not answer", async () => {
    const { second, set } = start();
    expect(await set.probe(never)).not.toHaveProperty("down");
    second.status = GONE;
    expect(await set.probe(never)).toMatchObject({ down: [{ name: "second", problem: "ECONNREFUSED" }] });
  });

  it("serve the models of all, and of two that serve the same one the first", async () => {
    const { set } = start();
    const status = await set.probe(never);
    expect(status).toMatchObject({
      type: "reachable",
      models: [
        { id: "a", context_length: 1 },
        { id: "both", context_length: 1 },
        { id: "c", context_length: 2 },
      ],
      slots: [{ maxConcurrency: 1 }, { maxConcurrency: 1 }, { model: "c", maxConcurrency: 2 }],
    });
    if (status.type === "reachable") expect(status.sources.get("both")).toEqual({ path: "/1/both" });
  });

  it("get each request to the one that serves its model", async () => {
    const { first, second, set } = start();
    await set.probe(never);
    for (const model of ["a", "both", "c"]) await ask(set, model);
    expect([first.opened.length, second.opened.length]).toEqual([2, 1]);
    await set.open({ dialect: "chat_completions", body: Buffer.from('{"model":"c"}') }, never);
    expect(second.opened).toEqual(["{}", '{"model":"c"}']);
  });

  it("say that nobody serves a model, and take no body for a model's name", async () => {
    const { first, second, set } = start();
    await set.probe(never);
    expect((await ask(set, "d")).status).toBe(404);
    for (const body of ["", "null", '{"model":1}', "no json"]) {
      expect((await set.open({ dialect: "completions", body: Buffer.from(body) }, never)).status).toBe(404);
    }
    expect([...first.opened, ...second.opened]).toEqual([]);
  });

  it("serve on when one goes: its own models count as crashed, and the other takes those that both serve", async () => {
    const { first, second, set } = start();
    await set.probe(never);
    first.status = GONE;
    expect(await set.probe(never)).toMatchObject({
      type: "reachable",
      models: [{ id: "a" }, { id: "both", context_length: 2 }, { id: "c" }],
      slots: [{ state: "crashed" }, { state: "idle" }, { state: "idle" }],
    });
    await ask(set, "both");
    expect(second.opened).toHaveLength(1);
    expect(set.members.map(({ status }) => status.type)).toEqual(["unreachable", "reachable"]);
    first.status = serving(1, "a", "both");
    expect(await set.probe(never)).toMatchObject({ models: [{}, { id: "both", context_length: 1 }, {}] });
  });

  it("leave a model to the other while it has crashed at the first, which itself can be reached", async () => {
    const { first, second, set } = start();
    const crashed = serving(1, "a", "both");
    first.status = { ...crashed, slots: ["a", "both"].map((model): BackendSlot => ({ model, state: "crashed" })) };
    expect(await set.probe(never)).toMatchObject({
      models: [{ id: "a" }, { id: "both", context_length: 2 }, { id: "c" }],
      slots: [{ state: "crashed" }, { state: "idle" }, { state: "idle" }],
    });
    await ask(set, "both");
    await ask(set, "a");
    expect([first.opened.length, second.opened.length]).toEqual([1, 1]);
  });

  it("are unreachable only when all are, and stop together", async () => {
    const { first, second, set } = start();
    first.status = GONE;
    second.status = { type: "unreachable", problem: "HTTP 500" };
    expect(await set.probe(never)).toEqual({ type: "unreachable", problem: "ECONNREFUSED, HTTP 500" });
    await set.stop();
    expect([first.stopped, second.stopped]).toEqual([1, 1]);
  });
});
