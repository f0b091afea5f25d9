import { DEFAULT_POLICY, type PolicySettings } from "@hearth/coordinator";
import { afterEach, describe, expect, it } from "vitest";
import { TestAgent } from "../../../provider-agent/src/testing/test-agent.js";
import { readStream, until } from "../scripted/answers.js";
import { PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { type StubExchange, startStubBackend } from "./stub-backend.js";

// Real agents in front of backends that hang, or that read a long prompt, and a real coordinator.

let hearth: TestCoordinator;
let running: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of running.toReversed()) await each[Symbol.asyncDispose]();
  running = [];
  await hearth.stop();
});

/** An agent with a backend of its own that does this with each request. */
async function agentWith(asked: (exchange: StubExchange) => void): Promise<void> {
  const before = hearth.coordinator.registry.size;
  const backend = await startStubBackend("m", asked);
  const agent = new TestAgent({
    coordinators: [`${hearth.url.replace("http", "ws")}/ws/provider`],
    backend: backend.url,
    config: { tokenFor: () => PROVIDER_TOKEN },
  });
  running.push(backend, agent);
  await until("the agent is connected", () => hearth.coordinator.registry.size > before, 20_000);
}

const ask = (stream: boolean): object => ({ model: "m", stream, messages: [{ role: "user", content: "hi" }] });
/** So much that a busy machine that runs this test is no reason for a slow answer, ms. */
const HEALTHY_MS = 60;

function answerSoon(exchange: StubExchange): void {
  setTimeout(() => {
    exchange.content("good");
    exchange.end();
  }, HEALTHY_MS);
}

describe("one of two agents whose backend hangs", () => {
  type Hang = readonly [string, boolean, (exchange: StubExchange) => void];
  const HANGS: readonly Hang[] = [
    ["takes requests for streams and never answers", true, () => {}],
    ["takes requests for whole answers and never answers", false, () => {}],
    ["sends headers and a role, and no more", true, (exchange) => exchange.role()],
    ["answers with nothing but a comment", true, (exchange) => exchange.comment("hold on")],
  ];
  const REQUESTS = 100;
  const SLOW_AT_MOST = 3;

  it.each(HANGS)(
    "%s: a hundred requests are answered, three of them slowly at most",
    { timeout: 120_000 },
    async (_how, stream, hangs) => {
      hearth = await startTestCoordinator();
      let hung = 0;
      await agentWith((exchange) => {
        hung += 1;
        hangs(exchange);
      });
      await agentWith(answerSoon);
      const took: number[] = [];
      for (let i = 0; i < REQUESTS; i++) {
        const startedAt = performance.now();
        const response = await hearth.chat(ask(stream));
        const text = await response.text();
        expect(response.status).toBe(200);
        expect(text).toContain("good");
        expect(text).not.toContain('"error"');
        took.push(performance.now() - startedAt);
      }
      const healthyMedian = took.toSorted((a, b) => a - b)[REQUESTS / 2] as number;
      expect(took.filter((ms) => ms > 3 * healthyMedian).length).toBeLessThanOrEqual(SLOW_AT_MOST);
      expect(hung).toBeGreaterThan(0);
    },
  );
});

describe("a backend that tells of its prefill in comments, as mlx-lm's server does", () => {
  /** An estimate of 300 ms; an agent tells of movement once a second at most. */
  const SCALED: PolicySettings = {
    ...DEFAULT_POLICY,
    ttftBaseMs: 300,
    ttftPerThousandTokensMs: 1,
    signExtensionMs: 1_500,
    signExtensionsMax: 40,
    reseekMs: 100,
  };
  const PREFILL_MS = 4_000;
  const EVERY_MS = 100;

  /** `: keepalive N/M` while it reads, and then the answer. */
  function prefill(exchange: StubExchange): void {
    const total = PREFILL_MS / EVERY_MS;
    let read = 0;
    const timer = setInterval(() => {
      read += 1;
      if (read <= total) return exchange.comment(`keepalive ${read * 1_000}/${total * 1_000}`);
      clearInterval(timer);
      exchange.content("read");
      exchange.end();
    }, EVERY_MS);
  }

  it("is waited for many times its estimate", async () => {
    hearth = await startTestCoordinator({ policy: SCALED });
    await agentWith(prefill);
    const response = await hearth.chat(ask(true));
    expect(response.headers.get("x-attempts")).toBe("1");
    expect(await readStream(response)).toMatchObject({ status: 200, content: "read", done: 1, errors: [] });
  });

  it("answers beside another one that hangs, and is not given up for it", async () => {
    hearth = await startTestCoordinator({ policy: SCALED });
    await agentWith(prefill);
    await agentWith(() => {});
    for (let i = 0; i < 2; i++) {
      const got = await readStream(await hearth.chat(ask(true)));
      expect(got).toMatchObject({ status: 200, content: "read", done: 1, errors: [] });
    }
  }, 30_000);
});
