/**
 * What a request body may consist of, beside its bytes. All that is done with a body costs time by the number of its
 * values, so that these bound how long one request can keep the others waiting.
 */
export interface BodyBounds {
  /** Members of all objects together. Two thousand messages and five hundred tools have some 60,000. */
  readonly members: number;
  /** Entries of all lists together. OpenAI takes 300,000 token ids in one embeddings request. */
  readonly items: number;
  /** Lists and objects together. They cost most: each is checked against the schema of its place. */
  readonly containers: number;
}

export const DEFAULT_BODY_BOUNDS: BodyBounds = { members: 100_000, items: 400_000, containers: 40_000 };

/** Members that the outermost object may have. OpenAI knows some 40, each backend some 60 more. */
export const MAX_TOP_LEVEL_MEMBERS = 256;

/** Counts what a text consists of, and says which bound it is over. */
export class BodyCount {
  readonly #bounds: BodyBounds;
  members = 0;
  containers = 0;
  commas = 0;

  constructor(bounds: BodyBounds) {
    this.#bounds = bounds;
  }

  /**
   * Entries of lists, without looking at what each comma parts: every member and every entry but the first of its list
   * or object has a comma before it. An empty list or object counts as one entry too many.
   */
  get items(): number {
    return this.commas + this.containers - this.members;
  }

  /** The bound that is passed; `undefined` while none is. */
  get passed(): keyof BodyBounds | undefined {
    if (this.containers > this.#bounds.containers) return "containers";
    if (this.members > this.#bounds.members) return "members";
    return this.items > this.#bounds.items ? "items" : undefined;
  }
}
