import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openMemoryStore, openSqliteStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { AttestingMachine } from "../scripted/attesting-machine.js";
import type { Script, ScriptedProvider } from "../scripted/scripted-provider.js";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// What a machine's record does to it, and what its owner is told.

let hearth: TestCoordinator;
beforeEach(async () => {
  hearth = await startTestCoordinator({ store: openMemoryStore() });
});
afterEach(() => hearth[Symbol.asyncDispose]());

let conversations = 0;
/** Each asks something of its own: who has answered a conversation gets the rest of it, whatever its record. */
const ask = async (only?: ScriptedProvider): Promise<string | null> => {
  conversations += 1;
  const messages = [{ role: "user", content: `question ${conversations}` }];
  const headers = only === undefined ? {} : { "X-Hearth-Providers": only.id };
  const answer = await hearth.chat({ model: "m", messages, stream: true }, { headers });
  await answer.text();
  return answer.headers.get("x-provider-id");
};

interface Listed {
  readonly id: string;
  readonly reputation: { readonly score: number; readonly reasons: Readonly<Record<string, object>> };
}
async function standings(path: string, key?: string): Promise<Map<string, Listed["reputation"]>> {
  const { data } = (await (await hearth.get(path, key)).json()) as { readonly data: readonly Listed[] };
  return new Map(data.map(({ id, reputation }) => [id, reputation]));
}

it("sends less to a machine that broke streams, and tells it, its owner and the operator why", async () => {
  const good: Script = (s) => s.answer("fine");
  let breaks = false;
  const flaky: Script = (s) => {
    if (!breaks) return s.answer("fine as well");
    s.role();
    s.content("it bro");
    s.error({ code: "backend_error" });
  };
  const broken = await hearth.provider(flaky);
  const other = await hearth.provider(good);
  // Of both it is known how fast they are: nobody is chosen for being new.
  for (const each of [broken, other]) await ask(each);
  breaks = true;
  for (let n = 0; n < 2; n++) await ask(broken);
  breaks = false;
  const served = { [broken.id]: 0, [other.id]: 0 };
  for (let n = 0; n < 20; n++) {
    const by = await ask();
    if (by !== null) served[by] = (served[by] ?? 0) + 1;
  }
  expect(served).toEqual({ [broken.id]: 0, [other.id]: 20 });
  const own = await standings("/v1/me/providers");
  expect(own.get(other.id)).toEqual({ score: 100, reasons: {} });
  expect(own.get(broken.id)?.score).toBeLessThan(50);
  expect(own.get(broken.id)?.reasons).toMatchObject({ failed_after_content: { count: 2 } });
  expect(await standings("/admin/providers", ADMIN_KEY)).toEqual(own);
  const answered = await broken.beat([]);
  expect(answered.reputation).toMatchObject({ reasons: { failed_after_content: { count: 2 } } });
  expect(answered.reputation?.score).toBeLessThan(50);
  expect(await broken.beat([])).not.toHaveProperty("reputation");
  expect(await other.beat([])).toMatchObject({ reputation: { score: 100, reasons: {} } });
});

it("shows an owner how his machines stand among those that have enrolled", async () => {
  const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const headers = { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" };
    const response = await fetch(hearth.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    return (await response.json()) as Record<string, unknown>;
  };
  const enrol = async (identity: string): Promise<Record<string, unknown>> => {
    const { data } = (await post("/v1/enrolment-tokens", { count: 1 })) as unknown as { data: { token: string }[] };
    const about = { identity, name: "Mini", platform: "test", agent_version: "1.0.0" };
    const grant_type = "urn:hearth:params:oauth:grant-type:enrolment-token";
    return await post("/oauth/token", { grant_type, enrolment_token: data[0]?.token, ...about });
  };
  const machine = new AttestingMachine();
  const away = await enrol(Buffer.alloc(32, 9).toString("base64url"));
  const here = await enrol(machine.identity);
  const breaks: Script = (s) => {
    s.content("it bro");
    s.error({ code: "backend_error" });
  };
  const provider = await hearth.provider(breaks, { machine, token: String(here["access_token"]) });
  await ask();
  const own = await standings("/v1/me/providers");
  expect(own.get(provider.id)?.reasons).toMatchObject({ failed_after_content: { count: 1 } });
  for (const [path, key] of [["/v1/machines"], ["/admin/machines", ADMIN_KEY]] as const) {
    const { data } = (await (await hearth.get(path, key)).json()) as { data: Record<string, unknown>[] };
    expect(data.map(({ id, provider: as, reputation }) => [id, as, reputation])).toEqual([
      [away["machine_id"], null, null],
      [here["machine_id"], provider.id, own.get(provider.id)],
    ]);
  }
});

it("still holds it against the same machine after a restart", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "hearth-reputation-"));
  const identity = Buffer.alloc(32, 7).toString("base64url");
  try {
    const standing: unknown[] = [];
    const breaks: Script = (s) => {
      s.content("it bro");
      s.error({ code: "backend_error" });
    };
    for (const script of [breaks, ((s) => s.answer("fine")) satisfies Script]) {
      await using run = await startTestCoordinator({ store: await openSqliteStore(dataDir) });
      const provider = await run.provider(script, { identity });
      await (await run.chat({ model: "m", messages: [{ role: "user", content: "hi" }], stream: true })).text();
      standing.push((await provider.beat([])).reputation?.reasons.failed_after_content?.count);
      await run.stop();
    }
    expect(standing).toEqual([1, 1]);
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});
