/** What chunks of both dialects have that give choices. */
interface NamedChunk {
  readonly id?: string;
  readonly choices?: readonly unknown[] | null;
  readonly usage?: unknown;
  readonly [member: string]: unknown;
}

type Members = Readonly<Record<string, unknown>>;

/**
 * Holds back what is said of no answer before the answer has a name, so that it gives it none: SDKs take the first.
 * Azure tells there what it thinks of the prompt.
 */
export class EarlyChunks {
  #said: Members | undefined;
  #begun = false;

  /** @returns the same chunk, or one that says also what came before it; `undefined` for one that waits */
  next<Chunk extends NamedChunk>(chunk: Chunk): Chunk | undefined {
    if (!this.#begun && isAnonymous(chunk)) {
      const { id: _id, object: _object, created: _created, model: _model, choices: _choices, ...said } = chunk;
      this.#said = { ...this.#said, ...said };
      return undefined;
    }
    const said = this.#said;
    this.#begun = true;
    this.#said = undefined;
    return said === undefined ? chunk : { ...said, ...chunk };
  }

  /** What nothing has followed. */
  get left(): Members {
    return this.#said ?? {};
  }
}

const isAnonymous = ({ id, choices, usage }: NamedChunk): boolean => !id && choices?.length === 0 && !usage;
