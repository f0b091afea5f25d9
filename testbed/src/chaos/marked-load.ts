import { Agent } from "node:http";
import type { Random } from "../sim/random.js";
import { type ConsumerOutcome, consumerOutcome } from "../system/consumer-outcome.js";
import { type MarkedRequest, promptOf, readAnswer } from "./marked-text.js";

/**
 * What consumers saw. The first three are honest: a whole answer, an error told in-band after some content, an error
 * status. Of the others there must be none: an answer that looks whole and is not, text that is not the request's own,
 * an answer that is neither success nor error, no answer within the patience.
 */
export const SIGHTS = ["whole", "told", "refused", "truncated", "mixed", "broken", "hung"] as const;
export type Sight = (typeof SIGHTS)[number];
export type Tally = Readonly<Record<Sight, number>>;

/** The sights that no consumer may have, whatever happens to machines and networks. */
export const FORBIDDEN: readonly Sight[] = ["truncated", "mixed", "broken", "hung"];

export interface MarkedLoad {
  readonly url: string;
  readonly apiKey: string;
  readonly model: string;
  readonly random: Random;
  readonly concurrency: number;
  /** Requests in all at most. */
  readonly requests: number;
  /** How long one consumer waits for the end of its answer, ms. */
  readonly patienceMs: number;
  /** Ends the load after the requests that are under way. */
  readonly stop: AbortSignal;
  /** Told of each consumer that saw what it must not. */
  readonly forbidden: (sight: Sight, asked: MarkedRequest, outcome: ConsumerOutcome) => void;
}

/** Asks for marked answers, half of them streamed, and reads each as strictly as any consumer would. */
export async function runMarkedLoad(load: MarkedLoad): Promise<Tally> {
  const tally = Object.fromEntries(SIGHTS.map((sight) => [sight, 0])) as Record<Sight, number>;
  const agent = new Agent({ keepAlive: true, maxSockets: load.concurrency });
  let asked = 0;
  const consume = async (): Promise<void> => {
    while (asked < load.requests && !load.stop.aborted) {
      const request = drawRequest(load.random, asked++);
      const startedAt = performance.now();
      const outcome = await ask(load, agent, request);
      const sight = sightOf(request, outcome, performance.now() - startedAt >= load.patienceMs);
      tally[sight] += 1;
      if (FORBIDDEN.includes(sight)) load.forbidden(sight, request, outcome);
    }
  };
  await Promise.all(Array.from({ length: load.concurrency }, consume));
  agent.destroy();
  return tally;
}

function drawRequest(random: Random, number: number): MarkedRequest {
  return { id: `r${number}`, pieces: random.whole(1, 20), gapMs: random.pick([0, 0, 1, 5]) };
}

function ask(load: MarkedLoad, agent: Agent, request: MarkedRequest): Promise<ConsumerOutcome> {
  const { url, apiKey, model, patienceMs, random } = load;
  return consumerOutcome({
    url,
    apiKey,
    model,
    agent,
    patienceMs,
    stream: random.chance(0.5),
    prompt: promptOf(request),
  });
}

/** What a consumer saw, judged by the marks in the text and not by what it was told. */
export function sightOf(asked: MarkedRequest, outcome: ConsumerOutcome, late: boolean): Sight {
  switch (outcome.type) {
    case "refused":
      return "refused";
    case "misled":
      return late ? "hung" : "broken";
    case "answer": {
      const answer = readAnswer(asked, outcome.content);
      if (answer === "whole") return "whole";
      return answer === "beginning" ? "truncated" : "mixed";
    }
    case "told":
      return readAnswer(asked, outcome.content) === "foreign" ? "mixed" : "told";
  }
}
