import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasPostgres, scratchPostgres } from "../../../coordinator/src/store/testing/scratch-postgres.js";
import { type Script, ScriptedProvider } from "../scripted/scripted-provider.js";
import { ADMIN_KEY } from "../scripted/test-coordinator.js";
import { SpawnedHearth } from "./spawned-hearth.js";

// The coordinator is killed while it takes money, again and again; then every cent has to be where it belongs.

/** On each engine; `HEARTH_KILLS=50` looks longer. */
const KILLS = Number(process.env["HEARTH_KILLS"] ?? (process.env["HEARTH_SLOW_TESTS"] === "1" ? 12 : 5));
const CONSUMERS = 8;
const DEPOSIT = 1_000_000_000;
const OWNER_TOKEN = "an-owners-token-0123456789";

const CONFIG = {
  provider_tokens: [{ account: "owner", sha256: createHash("sha256").update(OWNER_TOKEN).digest("hex") }],
  // Micro-USD: 1 a token read, 2 a token written.
  prices: { models: { m: [{ input: 1_000_000, output: 2_000_000 }] } },
  ledger: { lease_ms: 10_000, sweep_ms: 1_000 },
};

/** Answers take a moment, so that a kill finds some in every state. */
const answer: Script = (s) => {
  s.role();
  s.content("one ");
  setTimeout(() => {
    s.content("two");
    s.finish();
    s.end({ prompt_tokens: 3, completion_tokens: 2 });
  }, 20).unref();
};

interface Books {
  /** By request: what its consumer was told that it has cost, once its answer was whole. */
  readonly told: Map<string, number>;
  /** Requests that a kill may have cut off: nobody knows what became of them. */
  unknown: number;
}

async function ask(hearth: SpawnedHearth, books: Books, stream: boolean): Promise<void> {
  try {
    const body = { model: "m", messages: [{ role: "user", content: "hi" }], max_tokens: 50, stream };
    const response = await hearth.chat(body);
    const text = await response.text();
    const cost = stream
      ? /: hearth-cost \{"request_id":"[^"]+","cost_micro_usd":(\d+)\}/.exec(text)?.[1]
      : response.headers.get("x-hearth-cost");
    if (response.status === 200 && typeof cost === "string") {
      const id = response.headers.get("x-request-id") ?? "";
      books.told.set(id, stream ? Number(cost) : Math.round(Number(cost) * 1e6));
    }
  } catch {
    books.unknown += 1;
  }
}

/** Asks without a pause until the coordinator is gone. */
async function consume(hearth: SpawnedHearth, books: Books, over: AbortSignal): Promise<void> {
  for (let n = 0; !over.aborted; n++) await ask(hearth, books, n % 2 === 0);
}

interface Line {
  readonly kind: string;
  readonly amount_micro_usd: number;
  readonly request: string | null;
}

/** What the ledger has charged, by request. */
async function charges(hearth: SpawnedHearth): Promise<ReadonlyMap<string, readonly number[]>> {
  const found = new Map<string, number[]>();
  for (let after = ""; ; ) {
    const page = await hearth.get(`/v1/me/statement?limit=1000${after && `&after=${after}`}`);
    const { data, last_id, has_more } = (await page.json()) as { data: Line[]; last_id: string; has_more: boolean };
    for (const { kind, request, amount_micro_usd } of data) {
      if (kind !== "charge" || request === null) continue;
      found.set(request, [...(found.get(request) ?? []), -amount_micro_usd]);
    }
    if (!has_more) return found;
    after = last_id;
  }
}

interface Held {
  readonly available_micro_usd: number;
  readonly credit: { readonly reserved_micro_usd: number };
}
const balance = async (hearth: SpawnedHearth): Promise<Held> =>
  (await (await hearth.get("/v1/me/balance")).json()) as Held;

async function killAgainAndAgain(env: Readonly<Record<string, string>>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "hearth-crash-"));
  writeFileSync(join(dir, "hearth.json"), JSON.stringify(CONFIG));
  await using hearth = await SpawnedHearth.start({ HEARTH_CONFIG: join(dir, "hearth.json"), ...env });
  const deposited = await fetch(`${hearth.url}/admin/accounts/default/deposits`, {
    method: "POST",
    headers: { Authorization: `Bearer ${ADMIN_KEY}` },
    body: JSON.stringify({ amount_micro_usd: DEPOSIT, reason: "test" }),
  });
  expect(deposited.status).toBe(201);
  const books: Books = { told: new Map(), unknown: 0 };
  // Where within its life it dies, ms after the first request.
  for (const afterMs of fc.sample(fc.integer({ min: 5, max: 400 }), { numRuns: KILLS, seed: 20_261_129 })) {
    const provider = await ScriptedProvider.connect({ url: hearth.providerUrl, token: OWNER_TOKEN, script: answer });
    const over = new AbortController();
    const consuming = Array.from({ length: CONSUMERS }, () => consume(hearth, books, over.signal));
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    over.abort();
    await hearth.coordinator.kill();
    await Promise.all(consuming);
    provider.terminate();
    await hearth.startCoordinator();
  }
  // What a killed coordinator had set aside is given back or taken by the next one.
  await hearth.coordinator.until("nothing is set aside", async () => {
    return (await balance(hearth)).credit.reserved_micro_usd === 0;
  });
  const charged = await charges(hearth);
  for (const [request, cost] of books.told) expect([request, charged.get(request)]).toEqual([request, [cost]]);
  for (const [request, costs] of charged) expect([request, costs.length]).toEqual([request, 1]);
  const total = [...charged.values()].flat().reduce((sum, cost) => sum + cost, 0);
  expect((await balance(hearth)).available_micro_usd).toBe(DEPOSIT - total);
  expect(charged.size - books.told.size).toBeLessThanOrEqual(books.unknown);
  expect(books.told.size).toBeGreaterThan(KILLS);
  await hearth.coordinator.stop();
  const audit = hearth.run("audit", hearth.program, ["admin", "audit"]);
  expect(await audit.exited).toMatchObject({ code: 0 });
  rmSync(dir, { recursive: true });
}

const hasOne = await hasPostgres();

describe(`a coordinator that is killed ${KILLS} times under load`, () => {
  it("loses no reservation and takes nothing twice, on SQLite", () => killAgainAndAgain({}), 600_000);

  it.skipIf(!hasOne)(
    "loses no reservation and takes nothing twice, on PostgreSQL",
    async () => {
      const scratch = await scratchPostgres();
      try {
        await killAgainAndAgain({ DATABASE_URL: scratch.url, HEARTH_DATABASE_SCHEMA: scratch.schema });
      } finally {
        await scratch.clear();
      }
    },
    600_000,
  );
});
