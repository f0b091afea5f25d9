import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { randomText } from "@hearth/platform";
import { z } from "zod";
import type { ModelRates } from "../jobs/job-statistics.js";
import { readBounded } from "../models/bounded-file.js";
import { readStamp } from "../models/hash-cache.js";
import { dataUnusable } from "../platform/data-directory.js";
import type { BenchFigures } from "./figures.js";
import { MAX_TPS } from "./rate.js";
import type { ModelBench } from "./run-bench.js";

const FILE = "bench.json";
const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** The newest are kept. */
const MAX_RECORDS = 500;

const text = z.string().max(1_024);
const runs = z.number().int().min(1);
const tps = z.number().positive().max(MAX_TPS);
const ms = z.number().min(0);
const tpsSchema = z.object({ median: tps, min: tps, max: tps, runs });
const msSchema = z.object({ median: ms, min: ms, max: ms, runs });
const recordSchema = z.object({
  model: text.min(1),
  backend: text,
  weights_hash: text.optional(),
  /** ISO 8601, UTC. */
  measured_at: z.iso.datetime(),
  agent_version: text,
  chip: text.optional(),
  prefill_tps: tpsSchema.optional(),
  decode_tps: tpsSchema.optional(),
  first_token: z.array(z.object({ prompt_tokens: z.number().min(0), ms: msSchema })).max(32),
});
const fileSchema = z.object({ version: z.literal(1), records: z.array(z.unknown()) });

/** One measurement as it is stored. */
export type BenchRecord = z.infer<typeof recordSchema>;

export interface BenchStoreOptions {
  readonly dataDir: string;
  /** Of this machine: what another one measured does not count here. */
  readonly chip: string | undefined;
  readonly agentVersion: string;
  /** The time of day, ms. */
  readonly wallTime: () => number;
}

/** The model whose speed is asked for. */
export interface RatedModel {
  readonly id: string;
  /** Measurements of other weights do not count; absent = not known. */
  readonly weights_hash?: string | undefined;
}

/**
 * What `bench` measured, in `bench.json` in the data directory, one record for each model, backend and weights. A file
 * that is damaged counts as empty, and a record that is as absent: all of it can be measured again.
 */
export class BenchStore {
  readonly #path: string;
  readonly #options: BenchStoreOptions;
  #records: readonly BenchRecord[] = [];
  #stamp = "";

  constructor(options: BenchStoreOptions) {
    this.#path = join(options.dataDir, FILE);
    this.#options = options;
  }

  /** As of the last `refresh` or `put`. */
  get records(): readonly BenchRecord[] {
    return this.#records;
  }

  /** Reads the file when it is not the one that was read last: `bench` may run beside the agent. Never rejects. */
  async refresh(): Promise<void> {
    const stamp = await stampOf(this.#path);
    if (stamp === this.#stamp) return;
    this.#records = await readRecords(this.#path);
    this.#stamp = stamp;
  }

  /**
   * Keeps what was measured in place of what there was of the same model, backend and weights. What failed leaves
   * everything as it was.
   *
   * @throws AgentError `data_unusable` when the file cannot be written
   */
  async put(bench: ModelBench): Promise<void> {
    if (bench.findings.type === "failed") return;
    const record = this.#recordOf(bench, bench.findings.figures);
    await this.refresh();
    const others = this.#records.filter((each) => keyOf(each) !== keyOf(record));
    this.#records = [...others, record].slice(-MAX_RECORDS);
    await this.#save();
  }

  /**
   * What a model can be expected to do before anything was observed of it; from the newest measurement on this machine.
   * Names are those of `JobStatistics.rates`, whose observations come first: `{ ...store.ratesOf(model), ...observed }`.
   *
   * @param backend name of the one that serves it; absent = whichever was measured last
   */
  ratesOf({ id, weights_hash }: RatedModel, backend?: string): ModelRates {
    const record = this.#records.findLast(
      (each) =>
        each.model === id &&
        (backend === undefined || each.backend === backend) &&
        agree(each.weights_hash, weights_hash) &&
        agree(each.chip, this.#options.chip),
    );
    const { decode_tps, prefill_tps } = record ?? {};
    return {
      ...(decode_tps === undefined ? {} : { decodeTps: decode_tps.median }),
      ...(prefill_tps === undefined ? {} : { prefillTps: prefill_tps.median }),
    };
  }

  #recordOf({ model, backend, weightsHash }: ModelBench, figures: BenchFigures): BenchRecord {
    const { chip, agentVersion, wallTime } = this.#options;
    const { prefillTps, decodeTps, firstToken } = figures;
    return {
      model,
      backend,
      ...(weightsHash === undefined ? {} : { weights_hash: weightsHash }),
      measured_at: new Date(wallTime()).toISOString(),
      agent_version: agentVersion,
      ...(chip === undefined ? {} : { chip }),
      ...(prefillTps === undefined ? {} : { prefill_tps: prefillTps }),
      ...(decodeTps === undefined ? {} : { decode_tps: decodeTps }),
      first_token: firstToken.map(({ promptTokens, ms }) => ({ prompt_tokens: promptTokens, ms })),
    };
  }

  async #save(): Promise<void> {
    const draft = `${this.#path}.${randomText(6)}`;
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      await writeDurably(draft, `${JSON.stringify({ version: 1, records: this.#records }, null, 2)}\n`);
      await rename(draft, this.#path);
      this.#stamp = await stampOf(this.#path);
    } catch (cause) {
      await rm(draft, { force: true }).catch(() => {});
      throw dataUnusable(`${this.#path} cannot be written`, cause);
    }
  }
}

/** Two facts that are not known to differ. */
const agree = (one: string | undefined, other: string | undefined): boolean =>
  one === undefined || other === undefined || one === other;

const keyOf = ({ model, backend, weights_hash }: BenchRecord): string => JSON.stringify([model, backend, weights_hash]);

/** @returns the same text as long as the file stays; empty when there is none */
async function stampOf(path: string): Promise<string> {
  try {
    return JSON.stringify(await readStamp(path)) ?? "";
  } catch {
    return "";
  }
}

async function readRecords(path: string): Promise<readonly BenchRecord[]> {
  const content = await readBounded(path, MAX_FILE_BYTES);
  if (content.type !== "read") return [];
  try {
    const { records } = fileSchema.parse(JSON.parse(content.text));
    return records.flatMap((record) => recordSchema.safeParse(record).data ?? []).slice(-MAX_RECORDS);
  } catch {
    return [];
  }
}

/** A file that is renamed before its content is on the disk may be an empty one after a power cut. */
async function writeDurably(path: string, content: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}
