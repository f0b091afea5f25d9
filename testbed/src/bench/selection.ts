import {
  Affinity,
  createPicker,
  DEFAULT_CATALOG,
  DEFAULT_SELECTION,
  defaultExpecting,
  OutlierDetector,
  type Picker,
  type Provider,
  seededRng,
  systemClock,
  type Traits,
} from "@hearth/coordinator/internals";
import type { ProviderId } from "@hearth/protocol";
import { cpuOf } from "./cpu-of.js";
import { BenchProvider } from "./selection-provider.js";
import { figure, markdownTable } from "./table.js";

interface Fleet {
  readonly name: string;
  readonly models: number;
  readonly providersPerModel: number;
}

const FLEETS: readonly [Fleet, ...Fleet[]] = [
  { name: "1 × 1,000: one model, 1,000 providers", models: 1, providersPerModel: 1_000 },
  { name: "1 × 200: one model, 200 providers", models: 1, providersPerModel: 200 },
  { name: "500 × 200: 500 models, 100,000 providers", models: 500, providersPerModel: 200 },
];

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
  const [thousand = Number.NaN, few = Number.NaN] = figures;
  const rows = FLEETS.map(({ name, providersPerModel }, index) => {
    const micros = figures[index] ?? Number.NaN;
    return [
      name,
      figure(micros * 1_000, 0),
      figure((micros * 1_000) / providersPerModel, 0),
      figure(micros / few, 2),
      index === 0 ? (thousand <= LIMIT_MICROS ? "yes" : "NO") : "–",
    ];
  });
  print(markdownTable(["providers", "ns a pick", "ns a provider", "× 200 of one", `${LIMIT_MICROS} µs kept`], rows));
}

/** µs of CPU for one pick. Models take turns, so that what is measured is not one that the caches hold. */
function measure({ models, providersPerModel }: Fleet, quick: boolean): number {
  const byModel = new Map<string, Provider[]>();
  for (let model = 0; model < models; model += 1) {
    const name = `model-${model}`;
    byModel.set(
      name,
      Array.from({ length: providersPerModel }, (_, index) => new BenchProvider(`${name}-${index}`, name)),
    );
  }
  const picker = createBenchPicker(byModel);
  let turn = 0;
  return cpuOf(() => {
    turn += 1;
    pickOnce(picker, `model-${turn % models}`);
  }, quick);
}

function pickOnce(picker: Picker, model: string): void {
  const result = picker.pick({ traits: { ...TRAITS, model }, tried: new Map() });
  if (result.type !== "picked") throw new Error(`Nobody was picked: ${result.type}`);
  result.lease[Symbol.dispose]();
}

function createBenchPicker(byModel: ReadonlyMap<string, readonly Provider[]>): Picker {
  const rng = seededRng(1);
  const hooks = { ejected() {}, capacityCooled() {} };
  const tallies = new Map<ProviderId, { lost: number }>();
  for (const providers of byModel.values()) for (const { id } of providers) tallies.set(id, { lost: 0 });
  return createPicker({
    directory: { serving: (model) => byModel.get(model) ?? [] },
    catalog: () => DEFAULT_CATALOG,
    settings: () => DEFAULT_SELECTION,
    outlier: new OutlierDetector({ clock: systemClock, rng, hooks }),
    expecting: defaultExpecting,
    affinity: new Affinity(),
    clock: systemClock,
    rng,
    hooks: {
      rejected() {},
      // As the coordinator does: a look-up and a count.
      lost(provider) {
        const tally = tallies.get(provider);
        if (tally !== undefined) tally.lost += 1;
      },
      decided() {},
      servedAlthoughEjected() {},
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
