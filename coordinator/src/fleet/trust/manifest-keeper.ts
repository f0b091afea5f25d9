import type { DocumentStore } from "../../store/document-store.js";
import { EMPTY_MANIFEST, type RuntimeManifest, runtimeManifestSchema } from "./runtime-manifest.js";

const DOCUMENT = "runtime-manifest";

/** Holds the operator's runtime manifest, over restarts too. */
export class ManifestKeeper {
  readonly #documents: DocumentStore;
  readonly #changed: () => void;
  #current: RuntimeManifest;

  private constructor(documents: DocumentStore, current: RuntimeManifest, changed: () => void) {
    this.#documents = documents;
    this.#current = current;
    this.#changed = changed;
  }

  /**
   * @param changed told after each change: whatever was judged by the manifest before is to be judged again
   * @throws Error when what is stored is no manifest: to go on without it would let everything through
   */
  static async load(documents: DocumentStore, changed: () => void): Promise<ManifestKeeper> {
    const stored = await documents.get(DOCUMENT);
    const manifest = stored === undefined ? EMPTY_MANIFEST : runtimeManifestSchema.parse(JSON.parse(stored));
    return new ManifestKeeper(documents, manifest, changed);
  }

  get current(): RuntimeManifest {
    return this.#current;
  }

  async replace(manifest: RuntimeManifest): Promise<void> {
    await this.#documents.put(DOCUMENT, JSON.stringify(manifest));
    this.#current = manifest;
    this.#changed();
  }
}
