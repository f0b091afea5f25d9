import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import {
  Connection,
  DEFAULT_POSTGRES,
  openStore,
  type Store,
  systemClock,
  systemRng,
} from "@hearth/coordinator/internals";
import { figure, markdownTable } from "./table.js";

/** How long each of them is measured, ms, after a tenth of that to warm up. */
const MEASURED_MS = 4_000;
/** Who asks at once, each again as soon as it is answered. */
const CALLERS = 256;
/** The same with receipts in batches, as the receipt writer hands them over. */
const BATCH_CALLERS = 2;
const BATCH = 100;
/** What `prune` forgets of each kind at most. */
const PRUNE_BATCH = 5_000;
const RECEIPT_BYTES = 700;
/** How often the loop is looked at, ms. */
const RESOLUTION_MS = 1;

/** A schema of the bench's own; it is emptied afterwards, and stays. */
const POSTGRES = { ...DEFAULT_POSTGRES, schema: "hearth_bench" };

interface Figures {
  readonly insertsPerSecond: number;
  /** Of all threads of this process: a server's CPU is its own. */
  readonly cpuMicros: number;
  readonly loopP99Ms: number;
}

/** Does something once. @returns the rows that are durable then */
type Work = () => Promise<number>;

/** Measures durable inserts beside a floor: rows in large transactions on libsql itself, which hold the loop. */
export async function benchStore(postgresUrl: string, progress: (text: string) => void): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "hearth-bench-store-"));
  try {
    progress("libsql on the main thread");
    const floor = await measureFloor(join(dir, "floor.db"));
    const rows = [rowOf(`floor: libsql, ${CALLERS} rows a transaction`, floor, floor)];
    const settings = { maxWaiting: 10 * CALLERS, postgres: undefined };
    progress("SQLite");
    const sqlite = await openStore({ settings, dataDir: dir, clock: systemClock, rng: systemRng });
    rows.push(...(await measureStore("SQLite", sqlite, floor)));
    progress("PostgreSQL");
    const postgres = await openPostgres(postgresUrl, dir);
    if (postgres === undefined) progress("PostgreSQL is not reached, and left out: see HEARTH_TEST_DATABASE_URL");
    else rows.push(...(await measureStore("PostgreSQL", postgres, floor)));
    return markdownTable(["durable inserts", "inserts/s", "× floor", "CPU µs each", "× floor", "loop p99 ms"], rows);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function openPostgres(url: string, dataDir: string): Promise<Store | undefined> {
  const settings = { maxWaiting: 10 * CALLERS, postgres: { ...POSTGRES, url } };
  try {
    return await openStore({ settings, dataDir, clock: systemClock, rng: systemRng });
  } catch {
    return undefined;
  }
}

async function measureFloor(path: string): Promise<Figures> {
  const connection = new Connection(path);
  connection.pragma("journal_mode = WAL");
  connection.pragma("synchronous = FULL");
  connection.script("CREATE TABLE rows (id TEXT PRIMARY KEY, blob BLOB NOT NULL, at INTEGER NOT NULL) STRICT");
  const blob = randomBytes(RECEIPT_BYTES);
  let next = 0;
  const figures = await measure(1, async () => {
    connection.transaction(() => {
      for (let n = 0; n < CALLERS; n++) {
        connection.execute("INSERT INTO rows VALUES (?, ?, ?)", [`row_${next++}`, blob, n]);
      }
    });
    return CALLERS;
  });
  connection.close();
  return figures;
}

async function measureStore(name: string, store: Store, floor: Figures): Promise<string[][]> {
  const blob = new Uint8Array(randomBytes(RECEIPT_BYTES));
  const signature = new Uint8Array(64);
  let next = 0;
  // Ids of this run: what another one has left may not be in the way.
  const run = randomBytes(4).toString("hex");
  const newReceipt = () => ({
    requestId: `req_${run}_${next++}`,
    account: "bench",
    providerId: "prv_1",
    createdAtMs: next,
    blob,
    signature,
    attestationHash: "hash",
  });
  const newAttestation = () => ({
    hash: `${run}_${next++}`,
    blob,
    signature,
    identityKey: signature,
    createdAtMs: next,
  });
  const singles = await measure(CALLERS, async () => {
    await store.attestations.put(newAttestation());
    return 1;
  });
  const batches = await measure(BATCH_CALLERS, async () => {
    await store.receipts.put(Array.from({ length: BATCH }, newReceipt));
    return BATCH;
  });
  // A batch of each at a call; of what an earlier run has left as well.
  for (let left = next; left > 0; left -= PRUNE_BATCH) await store.receipts.prune(Number.MAX_SAFE_INTEGER, 0);
  await store.close();
  return [
    rowOf(`${name}, ${CALLERS} callers`, singles, floor),
    rowOf(`${name}, ${BATCH_CALLERS} callers with ${BATCH} receipts`, batches, floor),
  ];
}

async function measure(callers: number, work: Work): Promise<Figures> {
  await repeatFor(MEASURED_MS / 10, callers, work);
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  const cpu = process.cpuUsage();
  const since = performance.now();
  const inserted = await repeatFor(MEASURED_MS, callers, work);
  const { user, system } = process.cpuUsage(cpu);
  delays.disable();
  return {
    insertsPerSecond: (inserted * 1000) / (performance.now() - since),
    cpuMicros: (user + system) / inserted,
    loopP99Ms: Math.max(0, delays.percentile(99) / 1e6 - RESOLUTION_MS),
  };
}

async function repeatFor(durationMs: number, callers: number, work: Work): Promise<number> {
  const until = performance.now() + durationMs;
  let inserted = 0;
  const call = async (): Promise<void> => {
    while (performance.now() < until) {
      const rows = await work();
      inserted += rows;
      // The loop's own turn, which work that never waits would not give it.
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  return inserted;
}

function rowOf(name: string, figures: Figures, floor: Figures): string[] {
  const { insertsPerSecond, cpuMicros, loopP99Ms } = figures;
  return [
    name,
    figure(insertsPerSecond, 0),
    figure(insertsPerSecond / floor.insertsPerSecond, 2),
    figure(cpuMicros, 1),
    figure(cpuMicros / floor.cpuMicros, 2),
    figure(loopP99Ms, 1),
  ];
}
