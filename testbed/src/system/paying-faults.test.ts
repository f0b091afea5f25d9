import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, systemClock } from "@hearth/coordinator/internals";
import { smallDisk } from "@hearth/disk/testing";
import { systemRng } from "@hearth/platform";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BreakableProxy } from "../../../coordinator/src/store/testing/breakable-proxy.js";
import {
  hasPostgres,
  type ScratchPostgres,
  scratchPostgres,
  TEST_URL,
} from "../../../coordinator/src/store/testing/scratch-postgres.js";
import { readStream } from "../scripted/answers.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { ADMIN_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";
import { deposit, OWNER_KEY, OWNER_TOKEN, paidSettings } from "./paid-requests.js";

// What becomes of requests that have to be paid for while the store cannot be written: they are refused before anybody is
// asked, what runs goes on for one more slice, and nothing has to be mended by hand afterwards.

/** All that machines earn goes to their owners. */
const SETTINGS = paidSettings(0);
const QUESTION = { model: "m", messages: [{ role: "user", content: "hi" }] };
const STREAMED = { ...QUESTION, stream: true };

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hearth-paying-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** @param postgres absent = the store is in the data directory */
async function start(dataDir: string, postgres?: Omit<ScratchPostgres, "clear">): Promise<TestCoordinator> {
  const store = await openStore({
    settings: { maxWaiting: 1_000, postgres },
    dataDir,
    clock: systemClock,
    rng: systemRng,
  });
  return startTestCoordinator({ store, settings: SETTINGS, journalDir: dataDir, node: "node_1" });
}

const numbersAt = async (hearth: TestCoordinator, path: string, key?: string) =>
  (await (await hearth.get(path, key)).json()) as Record<string, unknown>;

async function money(hearth: TestCoordinator): Promise<{ readonly available: unknown; readonly reserved: unknown }> {
  const balance = await numbersAt(hearth, "/v1/me/balance");
  const { reserved_micro_usd: reserved } = balance["credit"] as Record<string, unknown>;
  return { available: balance["available_micro_usd"], reserved };
}

const mismatches = async (hearth: TestCoordinator) =>
  (await numbersAt(hearth, "/admin/ledger/audit", ADMIN_KEY))["mismatches"];

async function code(answer: Response): Promise<unknown> {
  return ((await answer.json()) as { readonly error?: { readonly code: string } }).error?.code;
}

describe("while PostgreSQL is away", () => {
  it("new requests are refused, one that runs goes on for a slice, and what was delivered is charged later", async ({
    skip,
  }) => {
    if (!(await hasPostgres())) skip("needs a PostgreSQL");
    const scratch = await scratchPostgres();
    const { hostname, port } = new URL(TEST_URL);
    const proxy = await BreakableProxy.start(hostname, Number(port || 5432));
    const url = Object.assign(new URL(TEST_URL), { hostname: "127.0.0.1", port: String(proxy.port) }).href;
    await using hearth = await start(dir, { ...scratch, url });
    const running: ScriptedStream[] = [];
    const { id } = await hearth.provider((s) => void running.push(s), { token: OWNER_TOKEN });
    const there = { headers: { "X-Hearth-Providers": id } };
    const own = await hearth.provider((s) => s.answer("mine"));
    expect(await deposit(hearth, 10_000)).toBe(201);

    const answer = hearth.chat(STREAMED, there);
    await eventually("the machine is asked", () => running.length === 1);
    const [stream] = running;
    if (stream === undefined) throw new Error("nobody was asked");
    // Slow enough for what is written to be set aside before it is delivered.
    const write = (): void => stream.content("word ");
    write();
    const read = answer.then(readStream);
    proxy.cut();

    const refused = await hearth.chat({ ...QUESTION, max_tokens: 20 }, there);
    expect([refused.status, await code(refused)]).toEqual([503, "service_unavailable"]);
    const free = await hearth.chat(QUESTION, { headers: { "X-Hearth-Route": "self" } });
    expect([free.status, free.headers.get("x-provider-id")]).toEqual([200, own.id]);
    await free.text();

    await eventually("the slice that is on credit is used up", () => {
      if (stream.cancelReason === undefined) write();
      return stream.cancelReason !== undefined;
    });
    const { errors, content } = await read;
    expect(errors).toMatchObject([{ code: "service_unavailable" }]);
    const delivered = content.trim().split(" ").length;
    expect(delivered).toBeGreaterThan(50);

    proxy.mend();
    await eventually("all is charged and nothing is set aside", async () => {
      const answered = await hearth.get("/v1/me/balance");
      return (
        answered.status === 200 && (await money(hearth)).reserved === 0 && (await money(hearth)).available !== 10_000
      );
    });
    const charged = 10_000 - Number((await money(hearth)).available);
    // Never more than was set aside, though some words came while the end was on its way; the owner gets all of it.
    expect(charged).toBeLessThanOrEqual(2 * delivered);
    expect(charged).toBeGreaterThan(2 * delivered - 50);
    expect((await numbersAt(hearth, "/v1/me/balance", OWNER_KEY))["available_micro_usd"]).toBe(charged);
    expect(await mismatches(hearth)).toEqual([]);
    await hearth.stop();
    await proxy.close();
    await scratch.clear();
  });
});

describe("while the disk is full", () => {
  it("nothing is taken on, nothing is kept by halves, and all goes on when there is room", async ({ skip }) => {
    using disk = smallDisk(4_096) ?? skip("needs root and tmpfs");
    await using hearth = await start(disk.path);
    const provider = await hearth.provider((s) => s.answer("good"), { token: OWNER_TOKEN });
    expect(await deposit(hearth, 10_000)).toBe(201);
    const ask = () => hearth.chat({ ...QUESTION, max_tokens: 20 });
    expect((await ask()).status).toBe(200);
    const before = (await money(hearth)).available;
    disk.fill();
    await eventually("requests are refused", async () => {
      const answer = await ask();
      await answer.text();
      return answer.status === 503;
    });
    const asked = provider.streams.length;
    const refused = await ask();
    expect([refused.status, await code(refused)]).toEqual([503, "service_unavailable"]);
    expect(await deposit(hearth, 1)).toBe(503);
    expect(provider.streams).toHaveLength(asked);
    disk.makeRoom();
    await eventually("requests are served", async () => {
      const answer = await ask();
      await answer.text();
      return answer.status === 200;
    });
    await eventually("nothing is set aside", async () => (await money(hearth)).reserved === 0);
    // Each that was served costs 7; how many fitted before the disk was full is the disk's affair.
    const served = provider.streams.length - 1;
    expect((await money(hearth)).available).toBe(Number(before) - 7 * served);
    expect(await mismatches(hearth)).toEqual([]);
    await hearth.stop();
  });
});
