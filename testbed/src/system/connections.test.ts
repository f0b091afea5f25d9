import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { readStream, until } from "../scripted/answers.js";
import { ScriptedProvider } from "../scripted/scripted-provider.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { ADMIN_KEY, API_KEY, PROVIDER_TOKEN, startTestCoordinator } from "../scripted/test-coordinator.js";
import { SpawnedHearth } from "./spawned-hearth.js";
import { SpawnedProcess } from "./spawned-process.js";

const SLOTS = [{ model: "m", state: "running", running: 0, queued: 0, max_concurrency: 64 }] as const;
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

function chatRequest(): string {
  const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }] });
  return [
    "POST /v1/chat/completions HTTP/1.1",
    "Host: x",
    `Authorization: Bearer ${API_KEY}`,
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}

it("cancels every request of a connection that is gone, also those whose answers wait behind another's", async () => {
  await using hearth = await startTestCoordinator();
  const provider = await hearth.provider(() => {}, { slots: [...SLOTS] });
  const socket = connect(Number(new URL(hearth.url).port), "127.0.0.1");
  socket.on("error", () => {});
  socket.write(chatRequest().repeat(20));
  await until("all are running", () => provider.streams.length === 20);
  socket.resetAndDestroy();
  await until("all are cancelled", () => provider.streams.every((s) => s.cancelReason === "consumer_gone"), 1_000);
});

it("lets strangers, however many, crowd out nobody who has shown a key or registered", async () => {
  const max = 16;
  // Behind a proxy, so that one address may have them all.
  await using hearth = await startTestCoordinator({ config: { maxConnections: max, proxies: 1 } });
  await hearth.provider((stream) => stream.answer("here"), { slots: [...SLOTS] });
  const port = Number(new URL(hearth.url).port);
  const dial = (): Socket => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    cleanUps.push(() => socket.destroy());
    return socket;
  };
  const [consumer, admin] = [dial(), dial()];
  consumer.write(chatRequest());
  admin.write(`GET /admin/providers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ADMIN_KEY}\r\n\r\n`);
  await Promise.all([once(consumer, "data"), once(admin, "data")]);
  const strangers = Array.from({ length: 2 * max }, dial);
  let gone = 0;
  for (const stranger of strangers) stranger.once("close", () => (gone += 1));
  const tooMany = strangers.length - (max - 3);
  await until("there is no more room", () => gone === tooMany);
  expect(consumer.closed || admin.closed).toBe(false);
  consumer.write(chatRequest());
  expect(String((await once(consumer, "data"))[0])).toContain("HTTP/1.1 200");
  const metrics = await (await hearth.get("/metrics")).text();
  expect(metrics).toContain(`hearth_connections_ended_total{reason="crowded_out"} ${tooMany + 1}\n`);
});

describe("SIGTERM", () => {
  it("is obeyed while somebody holds a refused upgrade and a silent connection open", async () => {
    await using hearth = await SpawnedHearth.start({ HEARTH_DRAIN_TIMEOUT_MS: "1000" });
    const port = Number(new URL(hearth.url).port);
    const upgrade = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const silent = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    cleanUps.push(
      () => upgrade.destroy(),
      () => silent.destroy(),
    );
    for (const socket of [upgrade, silent]) socket.on("error", () => {});
    upgrade.write("GET /ws/provider HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n");
    await once(upgrade, "data");
    expect(await hearth.coordinator.stop()).toEqual({ code: 0, signal: null });
  });

  it("resets no kept-alive connection between two requests of a busy client", async () => {
    await using hearth = await SpawnedHearth.start();
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    cleanUps.push(() => agent.destroy());
    const endings: KeptAliveEnding[] = [];
    const client = async (): Promise<void> => {
      while (endings.at(-1) !== "refused") endings.push(await getKeptAlive(`${hearth.url}/v1/models`, agent));
    };
    const clients = Array.from({ length: 8 }, client);
    await until("some were served", () => endings.length > 100);
    expect(await hearth.coordinator.stop()).toEqual({ code: 0, signal: null });
    await Promise.all(clients);
    expect(endings.filter((ending) => ending === "reset")).toEqual([]);
  });
});

type KeptAliveEnding = "answered" | "refused" | "reset";

/** One request; a connection that was open before and breaks is `reset`, one that cannot be made is `refused`. */
function getKeptAlive(url: string, agent: Agent): Promise<KeptAliveEnding> {
  return new Promise((resolve) => {
    const sent = request(url, { agent, headers: { Authorization: `Bearer ${API_KEY}` } }, (response) => {
      response.on("error", () => resolve("reset"));
      response.on("end", () => resolve(response.complete ? "answered" : "reset"));
      response.resume();
    });
    sent.on("error", () => resolve(sent.reusedSocket ? "reset" : "refused"));
    sent.end();
  });
}

/** Longer than the deadlines of the paused coordinator, ms. */
const PAUSE_MS = 4_000;

/** A coordinator in a process of its own, with two machines of the test's; what is asked of them comes to the test. */
async function pausable(): Promise<Pausable> {
  const script = fileURLToPath(new URL("../../dist/system/pausable-coordinator.js", import.meta.url));
  const coordinator = new SpawnedProcess({ name: "coordinator", file: process.execPath, args: [script] });
  cleanUps.push(() => coordinator[Symbol.asyncDispose]());
  await coordinator.until("listens", () => coordinator.logged("listening").length > 0);
  const url = String(coordinator.logged("listening")[0]?.["url"]);
  const asked: ScriptedStream[] = [];
  const connect = async (identity: number): Promise<ScriptedProvider> => {
    const provider = await ScriptedProvider.connect({
      url: `${url.replace("http", "ws")}/ws/provider`,
      token: PROVIDER_TOKEN,
      script: (stream) => void asked.push(stream),
      slots: [...SLOTS],
      register: { identity: Buffer.alloc(32, identity).toString("base64url") },
    });
    cleanUps.push(() => provider.terminate());
    return provider;
  };
  const ask = (): Promise<Response> =>
    fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" },
      body: JSON.stringify({ model: "m", stream: true, messages: [{ role: "user", content: "hi" }] }),
    });
  return { coordinator, asked, connect, ask };
}

interface Pausable {
  readonly coordinator: SpawnedProcess;
  readonly asked: ScriptedStream[];
  readonly connect: (identity: number) => Promise<ScriptedProvider>;
  readonly ask: () => Promise<Response>;
}

it("takes nothing for silence that came while the coordinator itself was stopped", async () => {
  const { coordinator, asked, connect, ask } = await pausable();
  await connect(1);
  const streaming = ask();
  await until("the first is asked", () => asked.length === 1);
  asked[0]?.role();
  asked[0]?.content("before ");
  const answer = await streaming;
  const waiting = ask();
  await until("the second is asked", () => asked.length === 2);

  coordinator.signal("SIGSTOP");
  asked[0]?.content("after");
  asked[0]?.finish();
  asked[0]?.end();
  asked[1]?.answer("meanwhile");
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  coordinator.signal("SIGCONT");

  expect(await readStream(answer)).toMatchObject({ content: "before after", errors: [], broken: false });
  expect(await readStream(await waiting)).toMatchObject({ status: 200, content: "meanwhile", errors: [] });
  expect(asked).toHaveLength(2);
});

it("holds it against nobody that they hung up while the coordinator itself was stopped", async () => {
  const { coordinator, asked, connect, ask } = await pausable();
  const machines = [await connect(1), await connect(2)];
  // Enough to have a machine out by itself, were each of them a fault.
  const waiting = Array.from({ length: 6 }, ask);
  await until("all are asked", () => asked.length === 6);

  coordinator.signal("SIGSTOP");
  for (const machine of machines) machine.terminate();
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  coordinator.signal("SIGCONT");

  await Promise.all([connect(1), connect(2)]);
  await until("all are asked again", () => asked.length === 12);
  for (const stream of asked.slice(6)) stream.answer("after all");
  for (const answer of await Promise.all(waiting)) {
    expect(await readStream(answer)).toMatchObject({ status: 200, content: "after all", errors: [] });
  }
});
