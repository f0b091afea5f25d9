import { type Clock, deadline, type Rng } from "@hearth/platform";
import type { ModelAdvert } from "@hearth/protocol";
import type { Backend, BackendStatus } from "../backends/backend.js";
import { type BenchPlan, DEFAULT_PLAN, type ModelFindings, measureModel } from "./measure-model.js";

/** A backend that does not say what it serves within this is not measured, ms. */
const PROBE_TIMEOUT_MS = 10_000;

/** What was found out of one model. */
export interface ModelBench {
  readonly model: string;
  /** Name of the backend; empty when none serves the model. */
  readonly backend: string;
  /** Where the backend tells. */
  readonly weightsHash: string | undefined;
  readonly findings: ModelFindings;
}

export interface BenchOptions {
  /** One after the other; each keeps its own models, also of the same name. */
  readonly backends: readonly Backend[];
  /** Only these; empty = all that chat. */
  readonly models: readonly string[];
  readonly clock: Clock;
  readonly rng: Rng;
  readonly plan?: Partial<BenchPlan>;
  /** Share of everything that is done, 0 to 1 and never less than before, and what comes now. */
  readonly progress?: (share: number, what: string) => void;
  /** Told of each model when it is done, and waited for, so that an interruption loses only what was under way. */
  readonly measured?: (bench: ModelBench) => void | Promise<void>;
}

/**
 * Measures models one at a time, each alone on its backend as far as that depends on us. A model or a backend that
 * fails is reported as that, and the others are measured.
 *
 * @returns in the order of the backends, and then of the models that were asked for and that nobody serves
 * @throws the signal's reason when it aborts
 */
export async function runBench(options: BenchOptions, signal: AbortSignal): Promise<readonly ModelBench[]> {
  const { clock, rng, measured } = options;
  const plan = { ...DEFAULT_PLAN, ...options.plan };
  const progress = monotone(options.progress);
  progress(0, "asking what is served");
  const candidates = await findCandidates(options, signal);
  const results: ModelBench[] = [];
  for (const [index, candidate] of candidates.entries()) {
    const { id: model, weights_hash: weightsHash } = candidate.advert;
    const own = (share: number, what: string): void =>
      progress((index + share) / candidates.length, `${model}: ${what}`);
    const findings: ModelFindings =
      candidate.type === "ready"
        ? await measureModel({ ...candidate, plan, clock, rng, progress: own }, signal)
        : { type: "failed", problem: candidate.problem };
    const bench = { model, backend: candidate.backend?.name ?? "", weightsHash, findings };
    results.push(bench);
    await measured?.(bench);
  }
  progress(1, "");
  return results;
}

type Candidate =
  | { readonly type: "ready"; readonly backend: Backend; readonly advert: ModelAdvert }
  | {
      readonly type: "unfit";
      readonly backend: Backend | undefined;
      readonly advert: Pick<ModelAdvert, "id" | "weights_hash">;
      readonly problem: string;
    };

async function findCandidates(
  { backends, models, clock }: BenchOptions,
  signal: AbortSignal,
): Promise<readonly Candidate[]> {
  using limit = deadline(clock, PROBE_TIMEOUT_MS, signal);
  const statuses = await Promise.all(
    backends.map(async (backend) => ({ backend, status: await backend.probe(limit.signal) })),
  );
  signal.throwIfAborted();
  const served = statuses.flatMap(({ backend, status }) => candidatesOf(backend, status, models));
  const down = statuses.flatMap(({ backend, status }) =>
    status.type === "unreachable" ? [`${backend.name}: ${status.problem}`] : [],
  );
  const missing = models.filter((id) => !served.some(({ advert }) => advert.id === id));
  const problem = ["no backend serves it", ...down].join("; ");
  return [
    ...served,
    ...missing.map((id): Candidate => ({ type: "unfit", backend: undefined, advert: { id }, problem })),
  ];
}

function candidatesOf(backend: Backend, status: BackendStatus, wanted: readonly string[]): Candidate[] {
  if (status.type === "unreachable") return [];
  return status.models.flatMap((advert): Candidate[] => {
    const isWanted = wanted.includes(advert.id);
    if (wanted.length > 0 && !isWanted) return [];
    if (advert.dialects?.includes("chat_completions") ?? true) return [{ type: "ready", backend, advert }];
    return isWanted ? [{ type: "unfit", backend, advert, problem: "it does not chat" }] : [];
  });
}

function monotone(report: BenchOptions["progress"]): (share: number, what: string) => void {
  let highest = 0;
  return (share, what) => {
    highest = Math.max(highest, share);
    report?.(highest, what);
  };
}
