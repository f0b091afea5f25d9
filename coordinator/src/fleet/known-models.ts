import { type Clock, describeFault, Tally } from "@hearth/platform";
import { hardwareSchema, type ModelAdvert, modelSchema, type ProviderId, TRUST_LEVELS } from "@hearth/protocol";
import { z } from "zod";
import type { Logger } from "../platform/logger.js";
import type { KnownModelStore, StoredKnownModel } from "../store/known-model-store.js";
import { DepartedProvider, essential, factsOf } from "./departed-provider.js";
import type { Provider } from "./provider.js";
import type { FleetDirectory } from "./provider-directory.js";

export interface KnownModelLimits {
  /** How long a model is known after it last answered, ms. */
  readonly keptMs: number;
  /** Models of one machine. */
  readonly perProvider: number;
  /** Pairs of machine and model of one account. */
  readonly perAccount: number;
  readonly total: number;
}

export const DEFAULT_KNOWN_MODEL_LIMITS: KnownModelLimits = {
  keptMs: 7 * 24 * 3_600_000,
  perProvider: 256,
  perAccount: 4_096,
  total: 50_000,
};

export interface KnownModelsDeps {
  readonly store: KnownModelStore;
  readonly registry: Pick<FleetDirectory, "link" | "serves">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: KnownModelLimits;
}

/** Within this time after an answer was noted, further ones are not written, ms. */
const NOTED_MS = 3_600_000;
/** How long changes are collected before they are written, ms. */
const FLUSH_MS = 1_000;
/** Machines that are away and whose adverts are read for one request, at most. */
const AWAY_READ = 64;
/** After a failed write the next attempt follows after this, ms. */
const RETRY_MS = 30_000;

const factsSchema = z.object({
  name: z.string().optional(),
  agentVersion: z.string(),
  hardware: hardwareSchema,
  trust: z.enum(TRUST_LEVELS),
  /** `Provider.availableTo`, by the name under which stores have it. */
  lentTo: z.enum(["everyone", "owner", "nobody"]),
  serialHash: z.string(),
  advert: modelSchema,
  /** The machine said goodbye, so after a restart it is not expected. */
  left: z.literal(true).optional(),
});

/**
 * Remembers which models exist even while no machine serves them: those that have answered a request in the last days.
 * A request for such a model waits or gets a 503 rather than a 404, which clients do not retry. The memory survives a
 * restart, after which no machine is back at first.
 */
export class KnownModels {
  readonly #deps: KnownModelsDeps;
  readonly #limits: KnownModelLimits;
  /** By machine and model; the earliest answer comes first. */
  readonly #records = new Map<string, StoredKnownModel>();
  readonly #byModel = new Grouped();
  readonly #byProvider = new Grouped();
  readonly #perAccount = new Tally();
  /** Changes that are not in the store yet; `record` is `undefined` for a removal. */
  #unwritten = new Map<string, { readonly pair: Pair; readonly record: StoredKnownModel | undefined }>();
  #timer: Disposable | undefined;
  #written: Promise<void> = Promise.resolve();

  private constructor(deps: KnownModelsDeps) {
    this.#deps = deps;
    this.#limits = deps.limits ?? DEFAULT_KNOWN_MODEL_LIMITS;
  }

  /** @throws what the store throws */
  static async open(deps: KnownModelsDeps): Promise<KnownModels> {
    const known = new KnownModels(deps);
    for (const record of await deps.store.all()) {
      if (known.#isRecent(record)) known.#put(record);
      else known.#note(record, undefined);
    }
    return known;
  }

  /**
   * Whether a model exists: a connected machine names it, or a machine that is away has answered with it. It is gone
   * once all such machines are back without it.
   */
  knows(model: string): boolean {
    const { registry } = this.#deps;
    if (registry.serves(model)) return true;
    for (const record of this.#byModel.of(model)) {
      if (registry.link(record.providerId as ProviderId) === undefined && this.#isRecent(record)) return true;
    }
    return false;
  }

  /**
   * Adverts of a model by machines that are away and that this account may use: of those that answered last, so many.
   */
  away(model: string, account: string): readonly ModelAdvert[] {
    const { registry } = this.#deps;
    const records = [...this.#byModel.of(model)].slice(-AWAY_READ);
    return records.flatMap((record) => {
      if (registry.link(record.providerId as ProviderId) !== undefined || !this.#isRecent(record)) return [];
      const facts = readFacts(record.facts);
      if (facts === undefined) return [];
      const mayUse = facts.lentTo === "everyone" || (facts.lentTo === "owner" && record.account === account);
      return mayUse ? [facts.advert] : [];
    });
  }

  /** A machine has answered a request with this model. */
  answered(provider: Provider, model: string): void {
    const { id, account } = provider;
    const now = this.#deps.clock.wallTime();
    const before = this.#records.get(keyOf({ providerId: id, model }));
    if (before !== undefined && now - before.answeredAtMs < NOTED_MS && !hasLeft(before)) return;
    const advert = provider.models.get(model);
    if (advert === undefined) return;
    const { id: _id, account: _account, availableTo: lentTo, ...facts } = factsOf(provider);
    const record = {
      model,
      providerId: id,
      account,
      answeredAtMs: now,
      facts: JSON.stringify({ ...facts, lentTo, advert: essential(advert) }),
    };
    this.#replace(record);
    this.#makeRoom(record);
  }

  /**
   * A machine has gone. Models that it no longer named at that time are forgotten for it.
   *
   * @param expectedBack it vanished without a goodbye
   */
  departed({ id, models }: Provider, expectedBack: boolean): void {
    for (const record of [...this.#byProvider.of(id)]) {
      if (!models.has(record.model)) this.#forget(record);
      else if (!expectedBack) this.#replace({ ...record, facts: withLeft(record.facts) });
    }
  }

  /** The machines of an earlier run, for which requests may wait. */
  expected(): readonly DepartedProvider[] {
    const leftAt = this.#deps.clock.now();
    const byProvider = new Map<string, StoredKnownModel[]>();
    for (const record of this.#records.values()) {
      byProvider.set(record.providerId, [...(byProvider.get(record.providerId) ?? []), record]);
    }
    return [...byProvider.values()].flatMap((records) => departedFrom(records, leftAt) ?? []);
  }

  get size(): number {
    return this.#records.size;
  }

  /** Writes what waits. Never rejects: a failed write is repeated later. */
  flush(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#written = this.#written.then(() => this.#write());
    return this.#written;
  }

  /** Writes what waits and stops. */
  async stop(): Promise<void> {
    await this.flush();
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #replace(record: StoredKnownModel): void {
    this.#put(record);
    this.#note(record, record);
  }

  #isRecent({ answeredAtMs }: StoredKnownModel): boolean {
    return this.#deps.clock.wallTime() - answeredAtMs <= this.#limits.keptMs;
  }

  #put(record: StoredKnownModel): void {
    this.#drop(record);
    this.#records.set(keyOf(record), record);
    this.#byModel.add(record.model, record);
    this.#byProvider.add(record.providerId, record);
    this.#perAccount.add(record.account);
  }

  #drop(pair: Pair): void {
    const record = this.#records.get(keyOf(pair));
    if (record === undefined) return;
    this.#records.delete(keyOf(pair));
    this.#byModel.remove(record.model, record);
    this.#byProvider.remove(record.providerId, record);
    this.#perAccount.remove(record.account);
  }

  #forget(record: StoredKnownModel): void {
    this.#drop(record);
    this.#note(record, undefined);
  }

  /** The models of a machine or account displace only its own. */
  #makeRoom({ providerId, account }: StoredKnownModel): void {
    const { perProvider, perAccount, total } = this.#limits;
    if (this.#byProvider.of(providerId).size > perProvider)
      this.#forgetOldest((each) => each.providerId === providerId);
    if (this.#perAccount.of(account) > perAccount) this.#forgetOldest((each) => each.account === account);
    if (this.#records.size > total) this.#forgetOldest(() => true);
  }

  #forgetOldest(alike: (record: StoredKnownModel) => boolean): void {
    for (const record of this.#records.values()) if (alike(record)) return this.#forget(record);
  }

  #note(pair: Pair, record: StoredKnownModel | undefined): void {
    const { model, providerId } = pair;
    this.#unwritten.set(keyOf(pair), { pair: { model, providerId }, record });
    this.#timer ??= this.#deps.clock.setTimer(FLUSH_MS, () => void this.flush());
  }

  async #write(): Promise<void> {
    const { store, clock, log } = this.#deps;
    const batch = this.#unwritten;
    if (batch.size === 0) return;
    this.#unwritten = new Map();
    const changes = [...batch.values()];
    try {
      await store.put(changes.flatMap(({ record }) => record ?? []));
      await store.remove(changes.flatMap(({ pair, record }) => (record === undefined ? pair : [])));
    } catch (error) {
      log.error({ fault: describeFault(error), models: batch.size }, "known models not written");
      this.#unwritten = new Map([...batch, ...this.#unwritten]);
      this.#timer ??= clock.setTimer(RETRY_MS, () => void this.flush());
    }
  }
}

/** Records in groups. */
class Grouped {
  readonly #groups = new Map<string, Set<StoredKnownModel>>();

  of(key: string): ReadonlySet<StoredKnownModel> {
    return this.#groups.get(key) ?? NONE;
  }

  add(key: string, record: StoredKnownModel): void {
    this.#groups.set(key, (this.#groups.get(key) ?? new Set()).add(record));
  }

  remove(key: string, record: StoredKnownModel): void {
    const group = this.#groups.get(key);
    group?.delete(record);
    if (group?.size === 0) this.#groups.delete(key);
  }
}

const NONE: ReadonlySet<StoredKnownModel> = new Set();

type Pair = Pick<StoredKnownModel, "model" | "providerId">;

const keyOf = ({ providerId, model }: Pair): string => `${providerId}\n${model}`;

/** @returns `undefined` if the records are of another version and cannot be read */
function departedFrom(records: readonly StoredKnownModel[], leftAt: number): DepartedProvider | undefined {
  const read = records.flatMap(({ facts }) => readFacts(facts) ?? []);
  const [last, newest] = [records.at(-1), read.at(-1)];
  if (last === undefined || newest === undefined || newest.left) return undefined;
  const { advert: _advert, left: _left, name, lentTo: availableTo, ...facts } = newest;
  const models = read.map(({ advert }) => advert);
  const id = last.providerId as ProviderId;
  const known = { ...facts, availableTo, id, name, account: last.account, models };
  return new DepartedProvider(known, { untrusted: false, leftAt });
}

function readFacts(json: string): z.infer<typeof factsSchema> | undefined {
  try {
    return factsSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/** Looked for in the JSON text, because parsing would be too slow to do with every answer. */
const LEFT = ',"left":true}';

const hasLeft = ({ facts }: StoredKnownModel): boolean => facts.endsWith(LEFT);

const withLeft = (facts: string): string => (facts.endsWith(LEFT) ? facts : facts.slice(0, -1) + LEFT);
