import { getEventListeners, once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, expect, it } from "vitest";
import { until } from "../scripted/answers.js";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { startAgent } from "./spawned-hearth.js";
import { startStubBackend } from "./stub-backend.js";

// A real coordinator in this process, so that what it holds can be counted.

/**
 * Heap that one request may leave behind, bytes: less than its request, response and attempt have. What the second
 * thousand still adds is V8's own, a few hundred bytes each; by the fourth thousand it is nothing.
 */
const HEAP_PER_REQUEST_BYTES = 1024;

/** The requests of late are remembered on purpose: so few of them that each pushes out another while the heap is measured. */
const SETTINGS = { timelines: { requests: 500, accountRequests: 500 } };

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** A clock that knows which of its timers are set. The machine's own does not tell: its timers are unreferenced. */
class CountingClock {
  readonly #set = new Set<object>();

  get pending(): number {
    return this.#set.size;
  }

  now(): number {
    return performance.now();
  }

  wallTime(): number {
    return Date.now();
  }

  setTimer(ms: number, fire: () => void): Disposable {
    const disposable: Disposable = {
      [Symbol.dispose]: () => {
        clearTimeout(timer);
        this.#set.delete(disposable);
      },
    };
    const timer = setTimeout(() => {
      this.#set.delete(disposable);
      fire();
    }, ms).unref();
    this.#set.add(disposable);
    return disposable;
  }
}

let hearth: TestCoordinator;
let clock: CountingClock;
/** The signals of controllers that were made at the start, and so live as long as the coordinator. */
let lasting: AbortSignal[];
const warnings: Error[] = [];
const onWarning = (warning: Error): number => warnings.push(warning);

beforeEach(async () => {
  clock = new CountingClock();
  process.on("warning", onWarning);
  const made: AbortController[] = [];
  const original = globalThis.AbortController;
  globalThis.AbortController = class extends original {
    constructor() {
      super();
      made.push(this);
    }
  };
  try {
    hearth = await startTestCoordinator({ clock, settings: SETTINGS });
  } finally {
    globalThis.AbortController = original;
  }
  lasting = made.map((controller) => controller.signal);
  expect(lasting.length).toBeGreaterThan(0);
});
afterEach(async () => {
  await hearth.stop();
  process.off("warning", onWarning);
  warnings.length = 0;
});

interface Holdings {
  readonly timers: number;
  readonly sockets: number;
  readonly otherResources: Readonly<Record<string, number>>;
  readonly abortListeners: number;
  readonly processListeners: number;
}

/** What this process holds now, but for what is gone by the next turns of its loop. */
function holdings(): Holdings {
  const resources: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
  // Closed by nobody in particular: the test runner's own timers and messages.
  const { TCPSocketWrap = 0, Timeout: _runner, Immediate: _turn, ...otherResources } = resources;
  return {
    timers: clock.pending,
    sockets: TCPSocketWrap,
    otherResources,
    abortListeners: lasting.reduce((sum, signal) => sum + getEventListeners(signal, "abort").length, 0),
    processListeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
  };
}

function heapBytes(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

function ask(agent: Agent, stream: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = httpRequest(`${hearth.url}/v1/chat/completions`, {
      method: "POST",
      agent,
      headers: { Authorization: `Bearer ${API_KEY}` },
    });
    call.once("error", reject);
    call.once("response", (response) => {
      let text = "";
      response.on("data", (part: Buffer) => {
        text += part;
      });
      response.once("end", () => resolve(text));
      response.once("error", reject);
    });
    call.end(JSON.stringify({ model: "m", stream, messages: [{ role: "user", content: "hi" }] }));
  });
}

/** Requests in turn, every other one streamed, on one connection that is closed afterwards. */
async function sequential(count: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < count; i++) expect(await ask(agent, i % 2 === 0)).toContain("stop");
  agent.destroy();
}

/** Requests at once, each on a connection of its own. */
async function concurrent(count: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: count });
  const answers = await Promise.all(Array.from({ length: count }, (_, i) => ask(agent, i % 2 === 0)));
  expect(answers.filter((answer) => answer.includes("stop"))).toHaveLength(count);
  agent.destroy();
}

interface SeenModel {
  readonly in_flight: number;
}

async function slotsInUse(): Promise<number[]> {
  const body = (await (await hearth.get("/admin/providers", ADMIN_KEY)).json()) as {
    readonly data: readonly { readonly models: readonly SeenModel[] }[];
  };
  return body.data.flatMap((provider) => provider.models.map((model) => model.in_flight));
}

/** Two machines with room for everybody. */
async function twoProviders(): Promise<void> {
  const slots = [{ model: "m", state: "running", running: 0, queued: 0, max_concurrency: 512 } as const];
  for (const name of ["left", "right"])
    await hearth.provider((stream) => stream.answer("all ", "fine"), { name, slots });
}

async function expectBackTo(before: Holdings): Promise<void> {
  await until("the sockets are closed", () => holdings().sockets <= before.sockets);
  await until("what requests used is written", () => holdings().timers <= before.timers);
  expect(holdings()).toEqual(before);
  expect(await slotsInUse()).toEqual([0, 0]);
  expect(hearth.coordinator.queued()).toBe(0);
  for (const session of hearth.coordinator.registry.connected()) expect(session.openStreams).toBe(0);
  // An emitter or signal with ever more listeners says so by itself.
  expect(warnings).toEqual([]);
}

/** After some requests, with what they taught written down: that is done a moment later. */
async function holdingsOnceWarm(): Promise<Holdings> {
  const { timers } = holdings();
  await sequential(20);
  await until("the connection is closed", () => holdings().sockets <= 4);
  // The life of each provider's sealing context is on the clock.
  await until("which models answered is written", () => holdings().timers <= timers + 2);
  return holdings();
}

it("holds nothing after 1,000 requests in turn", async () => {
  await twoProviders();
  const before = await holdingsOnceWarm();
  await sequential(1_000);
  await expectBackTo(before);
});

it("has no larger heap after 1,000 requests in turn", async () => {
  // A real agent: scripted providers remember what they were asked.
  await using backend = await startStubBackend("m", (exchange) => {
    exchange.content("all fine");
    exchange.end();
  });
  await using agent = startAgent({ coordinator: hearth.url, backend: backend.url });
  await agent.until("has registered", () => agent.logged("registered").length > 0);
  await sequential(1_000);
  const before = heapBytes();
  await sequential(1_000);
  expect((heapBytes() - before) / 1_000).toBeLessThan(HEAP_PER_REQUEST_BYTES);
});

it("holds nothing after 200 requests at once", async () => {
  await twoProviders();
  const before = await holdingsOnceWarm();
  await concurrent(200);
  await expectBackTo(before);
});

it("holds nothing after 100 consumers hung up in the middle but what confirms their cancels", async () => {
  const slots = [{ model: "m", state: "running", running: 0, queued: 0, max_concurrency: 512 } as const];
  const confirms = { code: "cancelled", progress: "processed" } as const;
  for (const name of ["left", "right"]) {
    await hearth.provider(
      async (stream) => {
        stream.content("begun");
        await stream.cancelled;
        stream.error(confirms);
      },
      { name, slots },
    );
  }
  const hangUp = async (): Promise<void> => {
    const call = httpRequest(`${hearth.url}/v1/chat/completions`, {
      method: "POST",
      agent: false,
      headers: { Authorization: `Bearer ${API_KEY}` },
    });
    call.on("error", () => {});
    call.end(JSON.stringify({ model: "m", stream: true, messages: [{ role: "user", content: "hi" }] }));
    const [response] = await once(call, "response");
    await once(response, "data");
    call.destroy();
  };
  // The life of each provider's sealing context comes onto the clock.
  const before = { ...holdings(), timers: holdings().timers + 2 };
  await Promise.all(Array.from({ length: 100 }, hangUp));
  const { registry } = hearth.coordinator;
  await until("no stream runs", () => [...registry.connected()].every((session) => session.openStreams === 0));
  await until("the cancels are confirmed", () => holdings().timers <= before.timers);
  await expectBackTo(before);
});
