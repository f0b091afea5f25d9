import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  hasRedis,
  type ScratchRedis,
  scratchRedis,
  TEST_REDIS_URL,
} from "../../../coordinator/src/cluster/testing/scratch-redis.js";
import { BreakableProxy } from "../../../coordinator/src/store/testing/breakable-proxy.js";
import { freePort } from "../bench/free-port.js";
import { readStream } from "../scripted/answers.js";
import { AttestingMachine } from "../scripted/attesting-machine.js";
import type { Script, ScriptedProvider } from "../scripted/scripted-provider.js";
import { ADMIN_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";

const SECRET = "a-secret-of-all-nodes-of-the-tests-0123456789";
const ask = { model: "m", messages: [{ role: "user", content: "hi" }], max_tokens: 8 };
const stream = { ...ask, stream: true };

const good: Script = (answer) => {
  answer.role();
  answer.content("good");
  answer.finish();
  answer.end();
};

const isHere = await hasRedis();

describe.skipIf(!isHere)("two coordinators with one fleet", () => {
  let scratch: ScratchRedis;
  /** `a` dials `b`, through a proxy, and speaks with Redis through another. */
  let proxy: BreakableProxy;
  let redisProxy: BreakableProxy;
  let a: TestCoordinator;
  let b: TestCoordinator;
  let machines: ScriptedProvider[];

  beforeAll(async () => {
    scratch = scratchRedis();
    const port = await freePort();
    proxy = await BreakableProxy.start("127.0.0.1", port);
    const cluster = { redis: scratch.redis, prefix: scratch.prefix, secret: SECRET, heartbeatMs: 100 };
    const { hostname, port: redisPort } = new URL(TEST_REDIS_URL);
    redisProxy = await BreakableProxy.start(hostname, Number(redisPort || 6379));
    const redis = [`redis://127.0.0.1:${redisProxy.port}`];
    a = await startTestCoordinator({
      node: "node-a",
      config: { cluster: { ...cluster, redis, address: "ws://127.0.0.1:0" } },
    });
    b = await startTestCoordinator({
      node: "node-b",
      config: { port, cluster: { ...cluster, address: `ws://127.0.0.1:${proxy.port}` } },
    });
  });
  afterAll(async () => {
    await Promise.all([a.stop(), b.stop()]);
    await Promise.all([proxy.close(), redisProxy.close()]);
    await scratch.clear();
  });

  beforeEach(() => {
    machines = [];
    return async () => {
      proxy.mend();
      redisProxy.mend();
      proxy.watch = undefined;
      for (const machine of machines) machine.terminate();
      await eventually("nobody is left", async () => (await there(a)).length + (await there(b)).length === 0);
    };
  });

  /** The machines that a coordinator can send requests to, wherever they are. */
  async function there({ get }: TestCoordinator): Promise<readonly string[]> {
    const { data } = (await (await get("/admin/providers", ADMIN_KEY)).json()) as {
      readonly data: readonly { readonly id: string; readonly status: string }[];
    };
    return data.flatMap(({ id, status }) => (status === "serving" ? [id] : []));
  }

  async function known({ id }: ScriptedProvider): Promise<void> {
    const knows = async (node: TestCoordinator): Promise<boolean> => (await there(node)).includes(id);
    await eventually("both know it", async () => (await knows(a)) && (await knows(b)));
  }

  async function machineOn(node: TestCoordinator, script: Script, options = {}): Promise<ScriptedProvider> {
    const machine = await node.provider(script, options);
    machines.push(machine);
    await known(machine);
    return machine;
  }

  it("serve on one what a machine of the other answers, whole and streamed, each way", async () => {
    const machine = await machineOn(b, good);
    const whole = await a.chat(ask);
    expect(whole.status).toBe(200);
    expect(await whole.json()).toMatchObject({ choices: [{ message: { content: "good" } }] });
    expect(whole.headers.get("x-provider-id")).toBe(machine.id);
    const streamed = await readStream(await a.chat(stream));
    expect(streamed).toMatchObject({ content: "good", done: 1, errors: [], broken: false });
    // Two coordinators seal for one machine, on one connection.
    expect((await readStream(await b.chat(stream))).content).toBe("good");
    expect((await readStream(await a.chat(stream))).content).toBe("good");
    machine.terminate();
    await machineOn(a, good);
    expect((await readStream(await b.chat(stream))).content).toBe("good");
  });

  it("pass on between them what neither the one that relays nor anybody on the way can read", async () => {
    const passed: Buffer[] = [];
    proxy.watch = (bytes) => passed.push(bytes);
    const word = "an-answer-that-nobody-else-reads";
    await machineOn(b, (answer) => {
      answer.content(word);
      answer.finish();
      answer.end();
    });
    expect((await readStream(await a.chat(stream))).content).toBe(word);
    const wire = Buffer.concat(passed);
    // What the node that was dialled sends is not masked.
    expect(wire.includes("completion_tokens")).toBe(true);
    expect(wire.includes(word)).toBe(false);
  });

  it("send a body of many frames, and an answer that is larger than what may be on its way at once", async () => {
    const long = "long ".repeat(200_000);
    await machineOn(b, (answer) => {
      expect(JSON.stringify(answer.body)).toContain(long);
      let sent = 0;
      const more = (): void => {
        // As an agent does: no more than has been granted.
        while (sent < 60 && (sent + 1) * 20_200 <= 256 * 1024 + answer.creditBytes) {
          answer.content("x".repeat(20_000));
          sent += 1;
        }
        if (sent < 60) return void setTimeout(more, 2);
        answer.finish();
        answer.end();
      };
      more();
    });
    const answer = await readStream(await a.chat({ ...stream, messages: [{ role: "user", content: long }] }));
    expect(answer).toMatchObject({ done: 1, errors: [] });
    expect(answer.content).toHaveLength(60 * 20_000);
  });

  it("cancel at the machine what its consumer has left", async () => {
    const machine = await machineOn(b, (answer) => answer.content("begun"));
    const consumer = new AbortController();
    const answer = await a.chat(stream, { signal: consumer.signal });
    await answer.body?.getReader().read();
    consumer.abort();
    expect(await machine.streams[0]?.cancelled).toBe("consumer_gone");
    await eventually("its slot is free", async () => (await slotsUsed(machine.id)) === 0);
  });

  it("go to another machine when the connection between them breaks before the first content", async () => {
    const far = await machineOn(b, (answer) => answer.working("prefilling"));
    const answer = a.chat(stream);
    await eventually("the far one has it", () => far.streams.length === 1);
    const near = await a.provider(good);
    machines.push(near);
    proxy.cut();
    expect(await readStream(await answer)).toMatchObject({ content: "good", done: 1, errors: [] });
    expect(await far.streams[0]?.cancelled).toBe("consumer_gone");
  });

  it("tell of a break behind the first content once, and let nothing follow that looks like success", async () => {
    const far = await machineOn(b, (answer) => answer.content("begun"));
    machines.push(await a.provider(good, { models: [{ id: "other" }] }));
    const answer = await a.chat(stream);
    await eventually("the far one has it", () => far.streams.length === 1);
    const read = readStream(answer);
    proxy.cut();
    const { content, errors, text } = await read;
    expect(content).toBe("begun");
    expect(errors).toHaveLength(1);
    expect(text).not.toContain('"finish_reason":"stop"');
  });

  it("find each other again after a break, and serve as before", async () => {
    const machine = await machineOn(b, good);
    proxy.cut();
    await eventually("it is out of reach", async () => !(await there(a)).includes(machine.id));
    proxy.mend();
    await known(machine);
    expect((await readStream(await a.chat(stream))).content).toBe("good");
  });

  it("know a machine where it has gone to, at once and once", async () => {
    const identity = Buffer.alloc(32, 7).toString("base64url");
    const first = await machineOn(a, good, { identity });
    const second = await machineOn(b, good, { identity });
    expect(await first.closed).toMatchObject({ reason: "replaced" });
    await known(second);
    for (const node of [a, b]) expect(await there(node)).toEqual([second.id]);
    expect((await readStream(await a.chat(stream))).content).toBe("good");
  });

  it("hand out the receipt of a machine that proves itself to the other one", async () => {
    const machine = await machineOn(b, good, { machine: new AttestingMachine() });
    const answer = await a.chat(ask);
    expect(answer.headers.get("x-provider-id")).toBe(machine.id);
    expect(answer.headers.get("x-provider-attested")).toBe("true");
    await answer.text();
    expect(await a.receipt(answer)).toMatchObject({ object: "receipt", provider_id: machine.id });
  });

  it("never give a machine more than it has slots, also where Redis forgets every lease", async () => {
    let [running, most] = [0, 0];
    const slots = [{ model: "m", state: "idle", running: 0, queued: 0, max_concurrency: 2 }] as const;
    const machine = await machineOn(
      b,
      async (answer) => {
        running += 1;
        most = Math.max(most, running);
        await answer.takes(15);
        running -= 1;
        good(answer);
      },
      { slots },
    );
    const forgetting = forgetLeases(machine);
    const answers = await Promise.all(
      Array.from({ length: 24 }, async (_, n) => readStream(await (n % 3 === 0 ? b : a).chat(stream))),
    );
    forgetting();
    expect(answers.filter(({ content }) => content !== "good")).toEqual([]);
    expect(most).toBe(2);
    await eventually("nothing is leased any more", async () => (await scratch.keys("*:leases:*")).length === 0);
  });

  it("serve with their own machines while Redis is away, let go on what runs, and find back", async () => {
    const far = await machineOn(b, async (answer) => {
      answer.content("begun ");
      await answer.takes(1_000);
      answer.content("and ended");
      answer.finish();
      answer.end();
    });
    const running = a.chat(stream).then(readStream);
    await eventually("it runs", () => far.streams.length === 1);
    const near = await machineOn(a, good);
    redisProxy.cut();
    await eventually("it says so", async () => (await (await a.get("/health")).text()).includes("redis_away"));
    expect(await there(a)).toEqual([near.id]);
    for (let n = 0; n < 4; n++) {
      expect((await a.chat(stream)).headers.get("x-provider-id")).toBe(near.id);
    }
    expect(await running).toMatchObject({ content: "begun and ended", errors: [] });
    redisProxy.mend();
    await known(far);
    await known(near);
    expect((await (await a.get("/health")).text()).includes("redis_away")).toBe(false);
  });

  it("wake on one who waits for a slot that becomes free on the other", async () => {
    const slots = [{ model: "m", state: "idle", running: 0, queued: 0, max_concurrency: 1 }] as const;
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const machine = await machineOn(b, async (answer) => void (await held.then(() => good(answer))), { slots });
    const first = b.chat(stream).then(readStream);
    await eventually("it runs", () => machine.streams.length === 1);
    await eventually("the other one knows", async () => (await slotsUsed(machine.id)) === 1);
    const second = a.chat(stream).then(readStream);
    await eventually("it waits", () => a.coordinator.queued() === 1);
    release();
    expect((await first).content).toBe("good");
    expect((await second).content).toBe("good");
  });

  it("take each other's requests to their end when one of them stops", async () => {
    const { redis, prefix } = scratch;
    const c = await startTestCoordinator({
      node: "node-c",
      config: {
        drainTimeoutMs: 20_000,
        cluster: { redis, prefix, secret: SECRET, heartbeatMs: 100, address: "ws://127.0.0.1:0" },
      },
    });
    let end: () => void = () => {};
    const machine = await machineOn(c, (answer) => {
      answer.content("begun ");
      end = () => {
        answer.content("and ended");
        answer.finish();
        answer.end();
      };
    });
    const running = a.chat(stream).then(readStream);
    await eventually("it runs", () => machine.streams.length === 1);
    const stopped = c.coordinator.stop();
    await eventually("nothing new goes there", async () => !(await there(a)).includes(machine.id));
    end();
    expect(await running).toMatchObject({ content: "begun and ended", errors: [], broken: false });
    await stopped;
  });

  /** Redis loses what it has of a machine's leases, all the time. */
  function forgetLeases({ id }: ScriptedProvider): () => void {
    let isOver = false;
    const forget = async (): Promise<void> => {
      while (!isOver) await scratch.forget(`*{${id}}:leases:*`);
    };
    void forget();
    return () => {
      isOver = true;
    };
  }

  async function slotsUsed(id: string): Promise<number> {
    const detail = (await (await b.get(`/admin/providers/${id}`, ADMIN_KEY)).json()) as {
      readonly models: readonly { readonly in_flight?: number; readonly running?: number }[];
    };
    return detail.models.reduce((sum, { in_flight: ours = 0 }) => sum + ours, 0);
  }
});
