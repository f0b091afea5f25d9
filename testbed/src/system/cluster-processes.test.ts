import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasRedis, type ScratchRedis, scratchRedis } from "../../../coordinator/src/cluster/testing/scratch-redis.js";
import {
  hasPostgres,
  type ScratchPostgres,
  scratchPostgres,
} from "../../../coordinator/src/store/testing/scratch-postgres.js";
import { readStream } from "../scripted/answers.js";
import { AttestingMachine } from "../scripted/attesting-machine.js";
import { type Script, ScriptedProvider } from "../scripted/scripted-provider.js";
import { ADMIN_KEY, PROVIDER_TOKEN } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";
import { SpawnedHearth } from "./spawned-hearth.js";

const stream = { model: "m", messages: [{ role: "user", content: "hi" }], max_tokens: 8, stream: true };
const good: Script = (answer) => {
  answer.content("good");
  answer.finish();
  answer.end();
};

const isHere = (await hasRedis()) && (await hasPostgres());

describe.skipIf(!isHere)("coordinators that run as their users run them, on one Redis and one PostgreSQL", () => {
  let redis: ScratchRedis;
  let database: ScratchPostgres;
  let a: SpawnedHearth;
  let b: SpawnedHearth;
  const machines: ScriptedProvider[] = [];

  beforeAll(async () => {
    redis = scratchRedis();
    database = await scratchPostgres();
    const env = {
      DATABASE_URL: database.url,
      HEARTH_DATABASE_SCHEMA: database.schema,
      REDIS_URL: redis.redis.join(),
      HEARTH_REDIS_PREFIX: redis.prefix,
      HEARTH_NODE_ADDRESS: "ws://127.0.0.1:0",
      HEARTH_CLUSTER_SECRET: "a-secret-of-all-nodes-of-the-tests-0123456789",
      HEARTH_CLUSTER_HEARTBEAT_MS: "200",
    };
    a = await SpawnedHearth.start(env);
    b = await SpawnedHearth.start(env);
  });
  afterAll(async () => {
    for (const machine of machines) machine.terminate();
    await a[Symbol.asyncDispose]();
    await b[Symbol.asyncDispose]();
    await database.clear();
    await redis.clear();
  });

  const statusOn = async (node: SpawnedHearth, id: string): Promise<string | undefined> =>
    (await node.providers()).find((each) => each.id === id)?.status;

  async function machineOn(node: SpawnedHearth, options: { token?: string; machine?: AttestingMachine } = {}) {
    const url = node.providerUrl;
    const machine = await ScriptedProvider.connect({ url, token: PROVIDER_TOKEN, script: good, ...options });
    machines.push(machine);
    await eventually("both know it", async () =>
      [await statusOn(a, machine.id), await statusOn(b, machine.id)].every((status) => status === "serving"),
    );
    return machine;
  }

  const asOperator = (node: SpawnedHearth, method: string, path: string, body?: object): Promise<Response> =>
    fetch(`${node.url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${ADMIN_KEY}`, "Content-Type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });

  it("serve on one what a machine of the other answers", async () => {
    const machine = await machineOn(b);
    expect((await readStream(await a.chat(stream))).content).toBe("good");
    await machine.close();
  });

  it("hear within 5 s what the operator says to another: a machine is set aside, and its token ends", async () => {
    const created = await asOperator(a, "POST", "/admin/enrolment-tokens", { account: "anna" });
    const { data } = (await created.json()) as { readonly data: readonly { readonly token: string }[] };
    const keys = new AttestingMachine();
    const spent = await fetch(`${a.url}/oauth/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "urn:hearth:params:oauth:grant-type:enrolment-token",
        enrolment_token: data[0]?.token ?? "",
        ...{ identity: keys.identity, name: "m", platform: "test", agent_version: "1.0.0" },
      }),
    });
    const enrolled = (await spent.json()) as { readonly access_token: string; readonly machine_id: string };
    // Enrolled by one, it connects to the other.
    await eventually("the other one knows its token", async () => {
      try {
        await machineOn(b, { token: enrolled.access_token, machine: keys });
        return true;
      } catch {
        return false;
      }
    });
    const machine = machines.at(-1) as ScriptedProvider;
    expect((await asOperator(a, "POST", `/admin/providers/${machine.id}/drain`)).status).toBe(200);
    expect(
      await eventually("it is set aside", async () => (await statusOn(b, machine.id)) === "draining"),
    ).toBeLessThan(5_000);
    await asOperator(a, "POST", `/admin/providers/${machine.id}/resume`);
    expect((await asOperator(a, "DELETE", `/admin/machines/${enrolled.machine_id}`)).status).toBeLessThan(300);
    let isClosed = false;
    void machine.closed.then(() => {
      isClosed = true;
    });
    expect(await eventually("its connection ends", () => isClosed)).toBeLessThan(5_000);
  });

  it("lose with a node that is killed what it had, and go on; it comes back as what it was", async () => {
    const near = await machineOn(a);
    const far = await machineOn(b);
    await b.coordinator.kill();
    await far.closed;
    await eventually("it is known to be gone", async () => (await statusOn(a, far.id)) !== "serving");
    for (let n = 0; n < 4; n++) expect((await readStream(await a.chat(stream))).content).toBe("good");
    await b.startCoordinator();
    await eventually("the other one's machine is known again", async () => (await statusOn(b, near.id)) === "serving");
    expect((await readStream(await b.chat(stream))).content).toBe("good");
  });
});
