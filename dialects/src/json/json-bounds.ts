/** What a JSON text may consist of, beside its characters. */
export interface JsonBounds {
  /** Members of all objects together. */
  readonly members: number;
  /** Entries of all lists together. */
  readonly items: number;
  /** Lists and objects together. */
  readonly containers: number;
}

/** For a text that has been looked at before. */
export const UNBOUNDED: JsonBounds = { members: Infinity, items: Infinity, containers: Infinity };

/** Members that the outermost object may have. OpenAI knows some 40, each backend some 60 more. */
export const MAX_TOP_LEVEL_MEMBERS = 256;

/** Counts what a text consists of, and says which bound it is over. */
export class JsonCount {
  readonly #bounds: JsonBounds;
  members = 0;
  containers = 0;
  commas = 0;

  constructor(bounds: JsonBounds) {
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
  get passed(): keyof JsonBounds | undefined {
    if (this.containers > this.#bounds.containers) return "containers";
    if (this.members > this.#bounds.members) return "members";
    return this.items > this.#bounds.items ? "items" : undefined;
  }
}
