import { z } from "zod";
import { ConfigError } from "../config.js";
import { EMPTY_MANIFEST, type RuntimeManifest, runtimeManifestSchema } from "../fleet/trust/runtime-manifest.js";
import { HearthError } from "../platform/errors.js";
import { Live } from "../platform/live.js";
import { isVersionBelow } from "../platform/versions.js";
import type { DocumentStore } from "../store/document-store.js";
import { problemsOf } from "./references.js";
import type { Settings } from "./settings.js";
import { SettingsError } from "./settings-error.js";

/** All that the operator has said: the configuration file, and the runtime manifest of the admin API. */
export interface OperatorDocument extends Settings {
  readonly manifest: RuntimeManifest;
}

export interface OperatorHooks {
  /** Something is different now: whatever was judged by the document before is to be judged again. */
  changed(): void;
  /** What is stored has changed, here: other coordinators have to know. Absent = there are none. */
  told?(): void;
}

type Documents = Pick<DocumentStore, "get" | "put">;

/** Where the manifest is stored. */
const MANIFEST = "runtime-manifest";

/**
 * The operator's document: one value, valid as a whole, read at each use and replaced at once. What is not valid changes
 * nothing.
 */
export class LiveOperator {
  readonly #documents: Documents;
  readonly #hooks: OperatorHooks;
  readonly #live: Live<OperatorDocument>;
  /** On their way to the store, and the document's from then on. */
  readonly #storing = new Set<RuntimeManifest>();

  private constructor(documents: Documents, hooks: OperatorHooks, first: OperatorDocument) {
    this.#documents = documents;
    this.#hooks = hooks;
    this.#live = new Live(first);
  }

  /**
   * @param settings what the configuration file says
   * @throws ConfigError when the whole is not valid; StoreError; ZodError when what is stored is no manifest: to go on
   *   without it would let everything through
   */
  static async load(settings: Settings, documents: Documents, hooks: OperatorHooks): Promise<LiveOperator> {
    const manifest = readStored(await documents.get(MANIFEST), settings);
    const first = { ...settings, manifest };
    const problems = problemsOf(first);
    if (problems.length > 0) throw new SettingsError(problems);
    return new LiveOperator(documents, hooks, first);
  }

  get current(): OperatorDocument {
    return this.#live.current;
  }

  /** Something that is made of the document, once for each that there has been. */
  derived<D>(make: (document: OperatorDocument) => D): () => D {
    return this.#live.derived(make);
  }

  /** @throws SettingsError when the whole would not be valid with these settings */
  check(settings: Settings): void {
    const problems = [this.current.manifest, ...this.#storing].flatMap((manifest) =>
      problemsOf({ ...settings, manifest }),
    );
    const different = new Map(problems.map((problem) => [`${problem.path}: ${problem.message}`, problem]));
    if (different.size > 0) throw new SettingsError([...different.values()]);
  }

  /** The settings have changed. @throws SettingsError when the whole would not be valid */
  configure(settings: Settings): void {
    this.check(settings);
    this.#replace({ ...settings, manifest: this.current.manifest });
  }

  /** @throws HearthError `invalid_request` when the whole would not be valid; StoreError */
  async replaceManifest(manifest: RuntimeManifest): Promise<void> {
    const [problem] = problemsOf({ ...this.current, manifest });
    if (problem !== undefined) throw new HearthError("invalid_request", `${problem.path}: ${problem.message}`);
    this.#storing.add(manifest);
    try {
      await this.#documents.put(MANIFEST, JSON.stringify(manifest));
    } finally {
      this.#storing.delete(manifest);
    }
    // The file may have been read again meanwhile.
    this.#replace({ ...this.current, manifest });
    this.#hooks.told?.();
  }

  /** Another coordinator has changed what is stored. @throws ConfigError, StoreError; then nothing changes */
  async reload(): Promise<void> {
    const manifest = readStored(await this.#documents.get(MANIFEST), this.current);
    if (JSON.stringify(manifest) === JSON.stringify(this.current.manifest)) return;
    const problems = problemsOf({ ...this.current, manifest });
    if (problems.length > 0) throw new SettingsError(problems);
    this.#replace({ ...this.current, manifest });
  }

  #replace(next: OperatorDocument): void {
    this.#live.replace(next);
    this.#hooks.changed();
  }
}

/** Manifests of before had a floor of their own. */
const storedSchema = runtimeManifestSchema.extend({ minimum_version: z.string().optional() });

function readStored(stored: string | undefined, { catalog }: Settings): RuntimeManifest {
  if (stored === undefined) return EMPTY_MANIFEST;
  const { minimum_version: floor, ...manifest } = storedSchema.parse(JSON.parse(stored));
  const { base } = catalog.versionFloors;
  if (floor !== undefined && (base === undefined || isVersionBelow(base, floor))) {
    throw new ConfigError([
      `The stored runtime manifest asks for agents of at least ${floor}. That is 'version_floors.base' of the configuration file now: set it to ${floor} or higher.`,
    ]);
  }
  return manifest;
}
