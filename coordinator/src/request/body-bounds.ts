/**
 * Limits of a request body, besides its size. The time that all work on a body takes depends on the number of its
 * values, so these limits bound how long one request can hold up the others.
 */
export interface BodyBounds {
  /** Members of all objects together. Two thousand messages and five hundred tools have some 60,000. */
  readonly members: number;
  /** Entries of all lists together. OpenAI takes 300,000 token ids in one embeddings request. */
  readonly items: number;
  /** Lists and objects together. They cost most, since each is checked against a schema. */
  readonly containers: number;
}

export const DEFAULT_BODY_BOUNDS: BodyBounds = { members: 100_000, items: 400_000, containers: 40_000 };
