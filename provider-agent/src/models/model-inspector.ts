import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import type { Clock } from "@hearth/platform";
import type { ServerRenderer } from "../backends/backend.js";
import type { Logger } from "../platform/logger.js";
import { askServer, type ServerWord } from "./ask-server.js";
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
  /** `false` only where the server itself refuses every conversation; `true` also where only our renderer was asked. */
  readonly template_render_ok?: boolean;
  /** Tools need a string `type` in their schemas. */
  readonly needs_string_types?: boolean;
  /** System messages reach the model wherever they stand. */
  readonly system_anywhere?: boolean;
  readonly turns_anywhere?: boolean;
  /** What the server has shown that it does not do. */
  readonly capabilities?: { readonly tools: false };
  readonly supports?: TemplateSupport;
}

export interface ModelSource {
  /** The model's GGUF file or folder; without one only the server can tell anything. */
  readonly path?: string;
  /** Whether the backend says that it takes pictures; default: as the model's files say. */
  readonly vision?: boolean;
  /** `foreign`: the backend renders others than the model's own (Ollama's are Go templates), on which there is no opinion. */
  readonly templates?: "own" | "foreign";
  /** The server that has the model loaded, where it can be asked what it renders: it has the last word. */
  readonly renderer?: ServerRenderer;
}

export interface ModelInspectorDeps {
  readonly hasher: WeightsHasher;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long the templates of a model may take, ms; default 1 s. */
  readonly templateCheckMs?: number;
  readonly hooks?: ModelInspectorHooks;
}

export interface ModelInspectorHooks {
  /** More is known of a model. */
  learned(modelId: string, facts: ModelFacts): void;
}

/** Files that were looked at are looked at again after this, ms: a model may be replaced under its name. */
export const REINSPECT_MS = 60_000;

/** A check that is cut short, and a question that is not answered, is tried this often, at a look each. */
const MAX_CHECKS = 3;

interface Inspection {
  readonly path: string | undefined;
  readonly vision: boolean | undefined;
  /** All that is known, put together. */
  facts: ModelFacts;
  /** What the files say. */
  files: ModelFacts;
  /** What our renderer says. */
  check: TemplateCheck | undefined;
  /** What the server says, of the renderer with this stamp. */
  word: ServerWord | undefined;
  wordOf: string | undefined;
  /** The server to ask, by the stamp of its renderer, and how often at most. */
  askedOf: string | undefined;
  asksLeft: number;
  /** Of what was inspected last; the problem, where that was all. */
  stamp: string;
  inspectedAt: number;
  /** How often the templates are still to be checked: a busy machine may cut a check short. */
  checksLeft: number;
  /** Ends what is under way for files that are no longer there as they were. */
  hashing: AbortController;
}

/** Inspects the models that are served, in the background; what is known so far can be asked for at any time. */
export class ModelInspector {
  readonly #deps: ModelInspectorDeps;
  readonly #inspections = new Map<string, Inspection>();

  readonly #stopping = new AbortController();
  readonly #hashes = new Set<Promise<void>>();
  /** One inspection at a time: start-up shall not be a burst. */
  #queue: Promise<void> = Promise.resolve();

  constructor(deps: ModelInspectorDeps) {
    this.#deps = deps;
  }

  /** What is known now. Starts to find out the rest, and looks again when that was long ago. */
  factsOf(modelId: string, source: ModelSource): ModelFacts {
    const { path, vision, renderer } = source;
    const known = this.#inspections.get(modelId);
    if ((path ?? renderer ?? known) === undefined || this.#stopping.signal.aborted) return {};
    const { clock } = this.#deps;
    const isKnown = known !== undefined && known.path === path && known.vision === vision;
    if (!isKnown) known?.hashing.abort();
    const inspection = isKnown ? known : newInspection(source);
    this.#inspections.set(modelId, inspection);
    const isNews = renderer !== undefined && renderer.stamp !== inspection.askedOf;
    if (isNews) {
      inspection.askedOf = renderer.stamp;
      inspection.asksLeft = MAX_CHECKS;
    }
    if (!isKnown || isNews || clock.now() - inspection.inspectedAt >= REINSPECT_MS) {
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

  /** Ends all that is under way. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const { hashing } of this.#inspections.values()) hashing.abort();
    await this.#queue;
    await Promise.all(this.#hashes);
  }

  #enqueue(modelId: string, inspection: Inspection, source: ModelSource): void {
    this.#queue = this.#queue.then(() => this.#inspect(modelId, inspection, source));
  }

  async #inspect(modelId: string, inspection: Inspection, source: ModelSource): Promise<void> {
    if (!this.#current(modelId, inspection)) return;
    if (inspection.path !== undefined) await this.#read(modelId, inspection, source);
    await this.#ask(modelId, inspection, source);
  }

  async #read(modelId: string, inspection: Inspection, source: ModelSource): Promise<void> {
    const { path = "" } = inspection;
    const { log } = this.#deps;
    const found = await inspectModel(path);
    if (found.type === "unreadable") {
      if (inspection.stamp !== found.problem) log.warn({ model: modelId, problem: found.problem }, "model unreadable");
      inspection.stamp = found.problem;
      this.#learn(modelId, inspection, { files: {}, check: undefined });
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
      this.#learn(modelId, inspection, { files: await this.#quickFacts(model, source), check: undefined });
    }
    if (inspection.checksLeft > 0) await this.#checkTemplates({ modelId, inspection, model, source });
    const wantsHash = changed && inspection.files.weights_hash === undefined;
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
    if (signal.aborted) return;
    if (check.renders === false) log.info({ model: modelId }, "chat template suspected");
    else if (check.ended !== "finished") log.warn({ model: modelId, ended: check.ended }, "chat template not checked");
    this.#learn(modelId, inspection, { check });
  }

  /** Asks the server once for each of its renderers, and again only where it did not answer. */
  async #ask(modelId: string, inspection: Inspection, { renderer }: ModelSource): Promise<void> {
    if (renderer === undefined || renderer.stamp !== inspection.askedOf || inspection.asksLeft === 0) return;
    const { clock, log } = this.#deps;
    const { signal } = this.#stopping;
    const word = await askServer(renderer.ask, clock, signal);
    if (signal.aborted) return;
    if (renderer.stamp === inspection.askedOf) inspection.asksLeft = word.complete ? 0 : inspection.asksLeft - 1;
    const before = inspection.wordOf === renderer.stamp ? inspection.word : undefined;
    if (word.renders === false && before?.renders !== false)
      log.warn({ model: modelId }, "chat template does not render");
    inspection.wordOf = renderer.stamp;
    this.#learn(modelId, inspection, { word: { ...before, ...word } });
  }

  #hash(modelId: string, inspection: Inspection, { files }: InspectedModel): void {
    const { hasher, log } = this.#deps;
    const { signal } = inspection.hashing;
    const hashing = hasher.hash(files, signal).then((hash) => {
      this.#hashes.delete(hashing);
      switch (hash.type) {
        case "hashed":
          if (!signal.aborted) {
            this.#learn(modelId, inspection, { files: { ...inspection.files, weights_hash: hash.sha256 } });
          }
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

  #learn(modelId: string, inspection: Inspection, news: Partial<Findings>): void {
    if (!this.#current(modelId, inspection)) return;
    const facts = factsFrom(Object.assign(inspection, news));
    const changed = JSON.stringify(facts) !== JSON.stringify(inspection.facts);
    inspection.facts = facts;
    if (changed) this.#deps.hooks?.learned(modelId, facts);
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

type Findings = Pick<Inspection, "files" | "check" | "word">;

/** The server that serves the model has the last word; what our renderer suspects keeps nobody away. */
function factsFrom({ files, check, word }: Findings): ModelFacts {
  const renders = word?.renders ?? (check?.renders === true ? true : undefined);
  // Of a model without a template chats are refused, and prompts are not.
  const isFenced = renders === false && check?.templates.length !== 0;
  const needs = word?.needsStringTypes ?? check?.needsStringTypes;
  const anywhere = word?.systemAnywhere ?? check?.systemAnywhere;
  const turns = word?.turnsAnywhere ?? check?.turnsAnywhere;
  return {
    ...files,
    ...(renders === true || isFenced ? { template_render_ok: renders } : {}),
    ...(needs === undefined ? {} : { needs_string_types: needs }),
    ...(anywhere === undefined ? {} : { system_anywhere: anywhere }),
    ...(turns === undefined ? {} : { turns_anywhere: turns }),
    ...(word?.tools === false ? { capabilities: { tools: false } } : {}),
    ...(check === undefined ? {} : { supports: check.supports }),
  };
}

function newInspection({ path, vision }: ModelSource): Inspection {
  return {
    ...{ path, vision, inspectedAt: 0, stamp: "", checksLeft: MAX_CHECKS, hashing: new AbortController() },
    ...{ facts: {}, files: {}, check: undefined, word: undefined },
    ...{ wordOf: undefined, askedOf: undefined, asksLeft: 0 },
  };
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
