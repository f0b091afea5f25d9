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
