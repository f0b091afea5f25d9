import { afterEach, beforeEach, expect, it } from "vitest";
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { AttestingMachine } from "../scripted/attesting-machine.js";
import { ADMIN_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// A machine gets another owner, over HTTP.

let store: ReturnType<typeof openMemoryStore>;
let hearth: TestCoordinator;
const start = () => startTestCoordinator({ store: { ...store, close: async () => {} } });

beforeEach(async () => {
  store = openMemoryStore();
  hearth = await start();
  for (const id of ["ann", "ben"]) await call("POST", "/admin/accounts", { id });
});
afterEach(async () => {
  await hearth[Symbol.asyncDispose]();
  await store.close();
});

type Members = Record<string, unknown>;

async function call(method: string, path: string, body?: object): Promise<{ status: number; told: Members }> {
  const answer = await fetch(`${hearth.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${ADMIN_KEY}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, told: (await answer.json()) as Members };
}

async function enrol({ identity }: AttestingMachine): Promise<string> {
  const { told } = await call("POST", "/admin/enrolment-tokens", { account: "ann" });
  const [{ token }] = told["data"] as [{ token: string }];
  const answer = await fetch(`${hearth.url}/oauth/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "urn:hearth:params:oauth:grant-type:enrolment-token",
      enrolment_token: token,
      ...{ identity, name: "Mini", platform: "test", agent_version: "1.0.0" },
    }),
  });
  return String(((await answer.json()) as Members)["access_token"]);
}

it("is the new owner's from its next connection on, while what runs ends as the old one's, and after a restart", async () => {
  const machine = new AttestingMachine();
  const token = await enrol(machine);
  let finish = (): void => {};
  const script = (s: Parameters<Parameters<TestCoordinator["provider"]>[0]>[0]): void => {
    s.role();
    s.content("begun");
    finish = () => {
      s.finish();
      s.end();
    };
  };
  const first = await hearth.provider(script, { machine, token });
  const running = await hearth.chat({ model: "m", stream: true, messages: [{ role: "user", content: "hi" }] });
  const { id } = first;
  const accountOf = async () => (await call("GET", `/admin/providers/${id}`)).told["account"];
  expect(await accountOf()).toBe("ann");
  expect((await call("PUT", `/admin/providers/${id}/owner`, { account: "nobody" })).status).toBe(400);
  const moved = await call("PUT", `/admin/providers/${id}/owner`, { account: "ben" });
  expect(moved).toMatchObject({ status: 200, told: { provider: id, account: "ben", previous_account: "ann" } });
  await expect
    .poll(() => first.received)
    .toContainEqual(expect.objectContaining({ type: "go_away", reason: "owner_changed" }));
  const second = await hearth.provider(script, { machine, token });
  expect([second.id, await accountOf()]).toEqual([id, "ben"]);
  finish();
  expect(await running.text()).toContain("[DONE]");
  expect((await call("GET", "/admin/audit")).told["data"]).toMatchObject([
    { route: "/admin/providers/:id/owner", status: 200, changes: [{ path: "account", before: "ann", after: "ben" }] },
    { status: 400, changes: null },
    ...Array(3).fill({}),
  ]);
  await hearth.stop();
  hearth = await start();
  await hearth.provider(script, { machine, token });
  expect(await accountOf()).toBe("ben");
  expect((await call("GET", "/admin/machines?account=ben")).told["data"]).toMatchObject([
    { account: "ben", provider: id },
  ]);
});

it("can be changed while the machine is away, and not of one that uses a token of the configuration", async () => {
  const shared = await hearth.provider((s) => s.answer("yes"));
  const refused = await call("PUT", `/admin/providers/${shared.id}/owner`, { account: "ben" });
  expect([refused.status, JSON.stringify(refused.told)]).toEqual([400, expect.stringContaining("enrol it first")]);
  expect((await call("PUT", "/admin/providers/prv_nobody/owner", { account: "ben" })).status).toBe(404);
  const machine = new AttestingMachine();
  const token = await enrol(machine);
  const { id, socket, closed } = await hearth.provider((s) => s.answer("yes"), { machine, token });
  socket.terminate();
  await closed;
  await expect.poll(() => hearth.coordinator.registry.size).toBe(1);
  expect((await call("PUT", `/admin/providers/${id}/owner`, { account: "ben" })).told).toMatchObject({
    ...{ account: "ben", connected: false },
  });
  await hearth.provider((s) => s.answer("yes"), { machine, token });
  expect((await call("GET", `/admin/providers/${id}`)).told["account"]).toBe("ben");
});
