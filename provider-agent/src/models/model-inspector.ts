import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import type { Clock } from "@hearth/platform";
import type { Logger } from "../platform/logger.js";
import { type InspectedModel, inspectModel, templateHash } from "./inspect-model.js";
import { checkTemplates, TEMPLATE_CHECK_MS, type TemplateCheck } from "./template-check.js";
import type { TemplateSupport } from "./template-verdict.js";
import type { WeightsHasher } from "./weights-hash.js";

/** What is known of a model now; the names are those of the protocol. A member that is absent is not known, or not yet. */
export interface ModelFacts {
  readonly weights_bytes?: number;
  readonly context_length?: number;
  readonly quantization?: string;
  /** SHA-256 of the weights: see {@link WeightsHasher}. */
  readonly weights_hash?: string;
  /** SHA-256 of the text of the template in use. */
  readonly template_hash?: string;
  readonly template_render_ok?: boolean;
  readonly supports?: TemplateSupport;
}

export interface ModelSource {
  /** The model's GGUF file or folder; without one nothing can be known. */
  readonly path?: string;
  /** Whether the backend says that it takes pictures; default: as the model's files say. */
  readonly vision?: boolean;
  /** `foreign`: the backend renders others than the model's own (Ollama's are Go templates), on which there is no opinion. */
  readonly templates?: "own" | "foreign";
  /**
   * Asks the server that serves the model whether it renders what our renderer did not: the two are different programs.
   * `undefined` is no answer.
   */
  readonly confirm?: (check: TemplateCheck, signal: AbortSignal) => Promise<boolean | undefined>;
}

export interface ModelInspectorDeps {
  readonly hasher: WeightsHasher;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long the templates of a model may take, ms; default 1 s. */
  readonly templateCheckMs?: number;
}

export type FactsListener = (modelId: string, facts: ModelFacts) => void;

/** Files that were looked at are looked at again after this, ms: a model may be replaced under its name. */
export const REINSPECT_MS = 60_000;

/** A check that is cut short is tried this often, at a look each. */
const MAX_CHECKS = 3;

interface Inspection {
  readonly path: string;
  readonly vision: boolean | undefined;
  facts: ModelFacts;
  /** Of what was inspected last; the problem, where that was all. */
  stamp: string;
  inspectedAt: number;
  /** How often the templates are still to be checked: a busy machine may cut a check short. */
  checksLeft: number;
  /** Ends what is under way for files that are no longer there as they were. */
  hashing: AbortController;
}

/** Finds out about the models that are served, in the background, and tells what it knows at any time. */
export class ModelInspector {
  readonly #deps: ModelInspectorDeps;
  readonly #inspections = new Map<string, Inspection>();
  readonly #listeners = new Set<FactsListener>();
  readonly #stopping = new AbortController();
  readonly #hashes = new Set<Promise<void>>();
  /** One inspection at a time: start-up shall not be a burst. */
  #queue: Promise<void> = Promise.resolve();

  constructor(deps: ModelInspectorDeps) {
    this.#deps = deps;
  }

  /** What is known now. Starts to find out the rest, and looks again when that was long ago. */
  factsOf(modelId: string, source: ModelSource): ModelFacts {
    const { path, vision } = source;
    if (path === undefined || this.#stopping.signal.aborted) return {};
    const { clock } = this.#deps;
    let inspection = this.#inspections.get(modelId);
    if (inspection === undefined || inspection.path !== path || inspection.vision !== vision) {
      inspection?.hashing.abort();
      inspection = newInspection(source, path, clock.now());
      this.#inspections.set(modelId, inspection);
      this.#enqueue(modelId, inspection, source);
    } else if (clock.now() - inspection.inspectedAt >= REINSPECT_MS) {
      inspection.inspectedAt = clock.now();
      this.#enqueue(modelId, inspection, source);
    }
    return inspection.facts;
  }

  /** Forgets the models that are no longer served. */
  retain(modelIds: ReadonlySet<string>): void {
    for (const [id, { hashing }] of this.#inspections) {
      if (modelIds.has(id)) continue;
      hashing.abort();
      this.#inspections.delete(id);
    }
  }

  /** Calls the listener each time that more is known of a model, until disposed. */
  onFacts(listener: FactsListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Ends all that is under way. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const { hashing } of this.#inspections.values()) hashing.abort();
    await this.#queue;
    await Promise.all(this.#hashes);
    this.#listeners.clear();
  }

  #enqueue(modelId: string, inspection: Inspection, source: ModelSource): void {
    this.#queue = this.#queue.then(() => this.#inspect(modelId, inspection, source));
  }

  async #inspect(modelId: string, inspection: Inspection, source: ModelSource): Promise<void> {
    if (!this.#current(modelId, inspection)) return;
    const { path } = inspection;
    const { log } = this.#deps;
    const found = await inspectModel(path);
    if (found.type === "unreadable") {
      if (inspection.stamp !== found.problem) log.warn({ model: modelId, problem: found.problem }, "model unreadable");
      inspection.stamp = found.problem;
      this.#tell(modelId, inspection, {});
      return;
    }
    const { model } = found;
    const stamp = await stampOf(model);
    const changed = stamp !== inspection.stamp;
    if (changed) {
      inspection.stamp = stamp;
      inspection.checksLeft = source.templates === "foreign" ? 0 : MAX_CHECKS;
      inspection.hashing.abort();
      inspection.hashing = new AbortController();
      this.#tell(modelId, inspection, await this.#quickFacts(model, source));
    }
    if (inspection.checksLeft > 0) await this.#checkTemplates({ modelId, inspection, model, source });
    const wantsHash = changed && inspection.facts.weights_hash === undefined;
    if (wantsHash && this.#current(modelId, inspection)) this.#hash(modelId, inspection, model);
  }

  async #quickFacts(model: InspectedModel, source: ModelSource): Promise<ModelFacts> {
    const { weightsBytes, contextLength, quantization, templates, files } = model;
    const weightsHash = await this.#deps.hasher.known(files);
    const hash = source.templates === "foreign" ? undefined : templateHash(templates);
    return {
      weights_bytes: weightsBytes,
      ...(contextLength === undefined ? {} : { context_length: contextLength }),
      ...(quantization === undefined ? {} : { quantization }),
      ...(weightsHash === undefined ? {} : { weights_hash: weightsHash }),
      ...(hash === undefined ? {} : { template_hash: hash }),
    };
  }

  async #checkTemplates({ modelId, inspection, model, source }: Check): Promise<void> {
    const { clock, log, templateCheckMs: limitMs = TEMPLATE_CHECK_MS } = this.#deps;
    const { signal } = this.#stopping;
    const options = { host: model.host, vision: source.vision ?? model.vision, clock, limitMs };
    const check = await checkTemplates(model.templates, options, signal);
    inspection.checksLeft = check.ended === "finished" ? 0 : inspection.checksLeft - 1;
    const renders = await confirmed(check, source, signal);
    if (signal.aborted) return;
    if (renders === false) log.warn({ model: modelId }, "chat template does not render");
    else if (check.ended !== "finished") log.warn({ model: modelId, ended: check.ended }, "chat template not checked");
    const found = { supports: check.supports, ...(renders === undefined ? {} : { template_render_ok: renders }) };
    this.#tell(modelId, inspection, { ...inspection.facts, ...found });
  }

  #hash(modelId: string, inspection: Inspection, { files }: InspectedModel): void {
    const { hasher, log } = this.#deps;
    const { signal } = inspection.hashing;
    const hashing = hasher.hash(files, signal).then((hash) => {
      this.#hashes.delete(hashing);
      switch (hash.type) {
        case "hashed":
          if (!signal.aborted) this.#tell(modelId, inspection, { ...inspection.facts, weights_hash: hash.sha256 });
          break;
        case "failed":
          log.warn({ model: modelId, problem: hash.problem }, "weights not hashed");
          break;
        case "cancelled":
          break;
      }
    });
    this.#hashes.add(hashing);
  }

  #tell(modelId: string, inspection: Inspection, facts: ModelFacts): void {
    if (!this.#current(modelId, inspection)) return;
    const changed = JSON.stringify(facts) !== JSON.stringify(inspection.facts);
    inspection.facts = facts;
    if (changed) for (const listener of this.#listeners) listener(modelId, facts);
  }

  #current(modelId: string, inspection: Inspection): boolean {
    return !this.#stopping.signal.aborted && this.#inspections.get(modelId) === inspection;
  }
}

interface Check {
  readonly modelId: string;
  readonly inspection: Inspection;
  readonly model: InspectedModel;
  readonly source: ModelSource;
}

/** The server that serves the model has the last word on what our renderer failed on. */
async function confirmed(
  check: TemplateCheck,
  { confirm }: ModelSource,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  if (check.renders !== false || confirm === undefined) return check.renders;
  return (await confirm(check, signal).catch(() => undefined)) ?? false;
}

function newInspection({ vision }: ModelSource, path: string, inspectedAt: number): Inspection {
  const hashing = new AbortController();
  return { path, vision, inspectedAt, facts: {}, stamp: "", checksLeft: MAX_CHECKS, hashing };
}

/** Tells apart what was inspected: the templates, and size and time of the weights. */
async function stampOf({ files, templates }: InspectedModel): Promise<string> {
  const stats = await Promise.all(files.map((each) => stat(each, { bigint: true }).catch(() => undefined)));
  const weights = stats.map((each, index) => `${files[index]}:${each?.size}:${each?.mtimeNs}`);
  const sources = templates.templates.map(({ name, source }) => [name, source]);
  return createHash("sha256")
    .update(JSON.stringify([weights, sources, templates.specialTokens]))
    .digest("hex");
}
