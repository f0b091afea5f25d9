import {
  Affinity,
  CircuitBreaker,
  createPicker,
  DEFAULT_BREAKER,
  DEFAULT_CATALOG,
  DEFAULT_EVIDENCE,
  DEFAULT_SELECTION,
  Evidence,
  ModelIndex,
  type Picker,
  Reputation,
  seededRng,
  systemClock,
  type Traits,
  WorkTally,
} from "@hearth/coordinator/internals";
import type { ProviderId } from "@hearth/protocol";
import { leastCpuOf } from "./cpu-of.js";
import { BenchProvider } from "./selection-provider.js";
import { figure, markdownTable } from "./table.js";

interface Fleet {
  readonly name: string;
  readonly models: number;
  readonly providersPerModel: number;
  /** One in so many has a slot free; the others are rejected. */
  readonly oneFreeIn: number;
  /** Models that are asked for in turn. */
  readonly modelsAsked: number;
  /** All machines have sent heartbeats between two picks: requests are rare. */
  readonly beats?: boolean;
}

const FLEETS: readonly [Fleet, ...Fleet[]] = [
  { name: "1 × 1,000: one model, 1,000 providers", models: 1, providersPerModel: 1_000, oneFreeIn: 1, modelsAsked: 1 },
  { name: "1 × 200: one model, 200 providers", models: 1, providersPerModel: 200, oneFreeIn: 1, modelsAsked: 1 },
  {
    name: "1 × 1,000, all with heartbeats since the last pick",
    models: 1,
    providersPerModel: 1_000,
    oneFreeIn: 1,
    modelsAsked: 1,
    beats: true,
  },
  { name: "1 × 1,000, of which 900 are full", models: 1, providersPerModel: 1_000, oneFreeIn: 10, modelsAsked: 1 },
  {
    name: "500 × 200, one model again and again: in the caches",
    models: 500,
    providersPerModel: 200,
    oneFreeIn: 1,
    modelsAsked: 1,
  },
  {
    name: "500 × 200, all models in turn: out of main memory",
    models: 500,
    providersPerModel: 200,
    oneFreeIn: 1,
    modelsAsked: 500,
  },
];

/** Each model of the largest fleet is asked for as often as the others. */
const PICKS_PER_BATCH = 500;

/** What picking among 1,000 may cost, µs. */
const LIMIT_MICROS = 200;

/**
 * Prints what it costs to evaluate all providers of a model and pick one of them: it grows with them, and not with the
 * fleet beside them.
 *
 * @param quick measures as much as a look needs
 */
export function benchSelection(print: (text: string) => void, quick: boolean): void {
  const figures = FLEETS.map((fleet) => measure(fleet, quick));
  const few = figures[1] ?? Number.NaN;
  const rows = FLEETS.map(({ name, providersPerModel }, index) => {
    const micros = figures[index] ?? Number.NaN;
    return [
      name,
      figure(micros * 1_000, 0),
      figure((micros * 1_000) / providersPerModel, 0),
      figure(micros / few, 2),
      providersPerModel === 1_000 ? (micros <= LIMIT_MICROS ? "yes" : "NO") : "–",
    ];
  });
  print(markdownTable(["providers", "ns a pick", "ns a provider", "× 200 of one", `${LIMIT_MICROS} µs kept`], rows));
}

/** µs of CPU for one pick. */
function measure(fleet: Fleet, quick: boolean): number {
  const providers: BenchProvider[] = [];
  const picker = createBenchPicker(fleet, providers);
  let turn = 0;
  const pickNext = (): void => {
    turn += 1;
    if (fleet.beats === true) for (const provider of providers) provider.beat();
    pickOnce(picker, `model-${turn % fleet.modelsAsked}`);
  };
  return leastCpuOf(pickNext, PICKS_PER_BATCH, quick ? 8 : 32);
}

function pickOnce(picker: Picker, model: string): void {
  const result = picker.pick({ traits: { ...TRAITS, model }, history: new Map() });
  if (result.type !== "picked") throw new Error(`Nobody was picked: ${result.type}`);
  result.lease[Symbol.dispose]();
}

/**
 * A picker with the parts that the coordinator gives it, among machines of which each has answered once.
 *
 * @param providers gets the machines
 */
function createBenchPicker({ models, providersPerModel, oneFreeIn }: Fleet, providers: BenchProvider[]): Picker {
  const rng = seededRng(1);
  let aheadMs = 0;
  const now = (): number => systemClock.now() + aheadMs;
  const clock = { now, wallTime: now, setTimer: () => ({ [Symbol.dispose]() {} }) };
  const index = new ModelIndex();
  const tallies = new Map<ProviderId, WorkTally>();
  const maxPairs = models * providersPerModel;
  const breaker = new CircuitBreaker({
    clock,
    rng,
    settings: () => ({ ...DEFAULT_BREAKER, maxRecords: maxPairs }),
    hooks: { opened() {}, capacityCooled() {} },
  });
  const evidenceSettings = { ...DEFAULT_EVIDENCE, maxPairs };
  const reputation = new Reputation({ clock });
  const evidence = new Evidence(clock, () => evidenceSettings, reputation);
  for (let i = 0; i < maxPairs; i += 1) {
    const model = `model-${i % models}`;
    const free = Math.floor(i / models) % oneFreeIn === 0;
    const provider = new BenchProvider(
      { id: `${model}-${i}`, model, concurrency: 4, running: free ? 0 : 4 },
      clock,
      () => false,
    );
    tallies.set(provider.id, new WorkTally());
    index.set(provider);
    providers.push(provider);
    const traits = { ...TRAITS, model };
    const observation = evidence.observe(provider, traits);
    aheadMs += 2_500;
    observation.content();
    observation.ended("completed", { prompt_tokens: 1_000, completion_tokens: 100 });
    breaker.judge(provider, traits, "success", clock.now());
  }
  return createPicker({
    directory: { serving: (model) => index.of(model) },
    catalog: () => DEFAULT_CATALOG,
    settings: () => DEFAULT_SELECTION,
    breaker,
    expecting: evidence,
    reputation,
    affinity: new Affinity(),
    clock,
    rng,
    hooks: {
      // As the coordinator does.
      looked(look) {
        index.looked(look);
        if (look.winner !== undefined) tallies.get(look.winner)?.won();
        for (const [gate, providers] of look.rejected) {
          for (const provider of providers) tallies.get(provider)?.rejected(gate, look);
        }
      },
      decided() {},
      servedAlthoughOpen() {},
    },
  });
}

const TRAITS: Omit<Traits, "model"> = {
  shape: "base",
  promptTokens: 1_000,
  leastPromptTokens: 500,
  maxTokens: 1_024,
  account: "caller",
  allowlist: undefined,
  route: "any",
};
