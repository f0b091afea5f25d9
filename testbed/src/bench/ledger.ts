import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createLogger } from "@hearth/coordinator";
import {
  DEFAULT_LEDGER,
  DEFAULT_POSTGRES,
  Ledger,
  openStore,
  type Store,
  systemClock,
  systemRng,
} from "@hearth/coordinator/internals";
import { cpuMicros, mainThreadMicros } from "./cpu.js";
import { percentile } from "./statistics.js";
import { figure, markdownTable } from "./table.js";

/** How long each line is measured, ms, after a quarter of that to warm up. */
const MEASURED_MS = 4_000;
/** Requests at once: as many as a busy coordinator settles, and one, whose waits are the store's own. */
const CALLERS = [256, 16, 1] as const;
const PAYERS = 64;
const OWNERS = 16;

/** A schema of the bench's own; what is in it stays. */
const POSTGRES = { ...DEFAULT_POSTGRES, schema: "hearth_bench" };

/** Measures what money adds to a request, durably: its reservation and its post, on either engine. */
export async function benchLedger(postgresUrl: string, progress: (text: string) => void): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "hearth-bench-ledger-"));
  const rows: string[][] = [];
  try {
    for (const name of ["SQLite", "PostgreSQL"] as const) {
      const postgres = name === "SQLite" ? undefined : { ...POSTGRES, url: postgresUrl };
      const store = await open(postgres, dir);
      if (store === undefined) progress("PostgreSQL is not reached, and left out: see HEARTH_TEST_DATABASE_URL");
      else rows.push(...(await measureStore(name, store, dir, progress)));
    }
    const header = [
      "reserve + post",
      "requests/s",
      "main thread µs each",
      "all threads µs each",
      "reserve p50 ms",
      "p99",
      "post p50 ms",
      "p99",
    ];
    return markdownTable(header, rows);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function open(postgres: (typeof POSTGRES & { url: string }) | undefined, dataDir: string) {
  const settings = { maxWaiting: 10_000, postgres };
  return openStore({ settings, dataDir, clock: systemClock, rng: systemRng }).catch(() => undefined);
}

async function measureStore(name: string, store: Store, dir: string, progress: (text: string) => void) {
  // Ids of this run: what another one has left may not be in the way.
  const run = randomBytes(4).toString("hex");
  const ledger = await openLedger(store, join(dir, `${name}.journal`), run);
  await fillAccounts(store, run);
  const rows: string[][] = [];
  for (const callers of CALLERS) {
    progress(`${name}, ${callers} at once`);
    rows.push([`${name}, ${callers} at once`, ...(await measure(ledger, run, callers))]);
  }
  const { mismatches } = await store.ledger.audit(1);
  if (mismatches.length > 0) throw new Error(`The ledger does not add up: ${mismatches[0]?.check}`);
  await ledger.stop();
  await store.close();
  return rows;
}

function openLedger(store: Store, journalPath: string, run: string): Promise<Ledger> {
  const nothing = (): void => {};
  const hooks = {
    ...{ reserved: nothing, insufficient: nothing, posted: nothing, voided: nothing },
    ...{ abandoned: nothing, owed: nothing, lost: nothing },
  };
  const deps = { store: store.ledger, clock: systemClock, log: createLogger("silent"), hooks, node: run, journalPath };
  return Ledger.open({ ...deps, settings: DEFAULT_LEDGER });
}

async function fillAccounts(store: Store, run: string): Promise<void> {
  for (let n = 0; n < PAYERS; n++) {
    const account = `payer_${run}_${n}`;
    const nowMs = systemClock.wallTime();
    await store.ledger.deposit({ id: account, account, amount: 10n ** 12n, reason: "bench", actor: "bench", nowMs });
  }
}

let requests = 0;

async function measure(ledger: Ledger, run: string, callers: number): Promise<string[]> {
  const reserveMs: number[] = [];
  const postMs: number[] = [];
  const settle = async (): Promise<void> => {
    const n = requests++;
    const id = `req_${run}_${n}`;
    const account = `payer_${run}_${n % PAYERS}`;
    const since = performance.now();
    const outcome = await ledger.reserve({ id, requestId: id, account, max: 5_000n });
    const reserved = performance.now();
    if (outcome.type !== "reserved") throw new Error(`A reservation failed: ${outcome.type}`);
    const work = { payer: "consumer", account: `owner_${n % OWNERS}`, machine: `mach_${n % OWNERS}` } as const;
    const counts = { model: "qwen3-8b", attemptId: id, promptTokens: 1_200, completionTokens: 300 };
    await outcome.reservation.post([{ ...work, ...counts, gross: 1_234n }]);
    reserveMs.push(reserved - since);
    postMs.push(performance.now() - reserved);
  };
  await repeatFor(MEASURED_MS / 4, callers, settle);
  reserveMs.length = 0;
  postMs.length = 0;
  const micros = (): number[] => [mainThreadMicros(), cpuMicros(process.pid)];
  const before = micros();
  const since = performance.now();
  await repeatFor(MEASURED_MS, callers, settle);
  const seconds = (performance.now() - since) / 1_000;
  const count = reserveMs.length;
  return [
    figure(count / seconds, 0),
    ...micros().map((after, n) => figure((after - (before[n] ?? 0)) / count, 1)),
    ...[reserveMs, postMs].flatMap((times) => [0.5, 0.99].map((part) => figure(percentile(times, part), 2))),
  ];
}

async function repeatFor(durationMs: number, callers: number, work: () => Promise<void>): Promise<void> {
  const until = performance.now() + durationMs;
  const call = async (): Promise<void> => {
    while (performance.now() < until) await work();
  };
  await Promise.all(Array.from({ length: callers }, call));
}
