import OpenAI from "openai";
import { afterEach, beforeEach } from "vitest";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { type CheckedFetch, checkedFetch } from "./schema/checked-fetch.js";

/** The coordinator of the test that runs. */
export let hearth: TestCoordinator;
/** OpenAI's SDK for it, which tries nothing twice. */
export let client: OpenAI;
/** What judges every answer by OpenAI's own schema. */
export let checked: CheckedFetch;

/** Gives each test of a file a coordinator and OpenAI's client for it, and judges what was answered when it is over. */
export function openAiForEach(): void {
  beforeEach(async () => useCoordinator(await startTestCoordinator()));
  afterEach(async () => {
    await checked.verify();
    await hearth.stop();
  });
}

/** Takes this one for the rest of the test. Whoever had one stops it. */
export function useCoordinator(started: TestCoordinator): void {
  hearth = started;
  checked = checkedFetch();
  client = new OpenAI({ apiKey: API_KEY, baseURL: `${hearth.url}/v1`, maxRetries: 0, fetch: checked.fetch });
}
