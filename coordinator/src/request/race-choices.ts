import type { Clock } from "@hearth/platform";
import { type OpenAttemptDeps, openAttempt } from "../dispatch/open-attempt.js";
import { type PolicySettings, policyFor } from "../dispatch/policy.js";
import { race } from "../dispatch/race.js";
import type { SentAttempt } from "../dispatch/sent-attempt.js";
import { type AdmitDeps, admitAnother } from "./admit.js";
import { answerHeaders } from "./answer-headers.js";
import type { Consumer } from "./consumer.js";
import { type ChoiceStream, mergeChoices } from "./merge-choices.js";
import type { ChoiceRecord, RequestRecord } from "./request-record.js";

export interface RaceServices {
  readonly admission: Pick<AdmitDeps, "picker" | "queue">;
  readonly dispatch: OpenAttemptDeps;
  readonly policy: PolicySettings;
  readonly clock: Clock;
}

/** An admitted request. */
export interface Racing {
  readonly record: RequestRecord;
  readonly consumer: Pick<Consumer, "setHeaders">;
  /** How long it waits for its first content, ms. */
  readonly patienceMs: number;
}

/**
 * Starts a race for each answer that is wanted: at once while slots are free, else one after the other. Patience runs
 * from the request's arrival; when answers come one after the other, it begins anew after each.
 */
export function raceChoices(
  services: RaceServices,
  { record, consumer, patienceMs }: Racing,
  signal: AbortSignal,
): ChoiceStream<SentAttempt> {
  const { clock } = services;
  const { choices: count = 1, stream } = record.request;
  const opens = (winner: SentAttempt | undefined): void => {
    if (winner !== undefined) consumer.setHeaders(answerHeaders(record, winner, clock.now()));
  };
  let since = record.times.arrivedAt;
  const run = (choice: ChoiceRecord, callOff: AbortSignal): ChoiceStream<SentAttempt> => {
    const hedgeDelayMs = hedgeDelayOf(services, record);
    return race(
      {
        startAttempt: openAttempt(services.dispatch, choice), // evaluate → choose → seal → send, anew for each attempt
        committed(winner) {
          since = clock.now();
          choice.committed(winner, since);
          learn(services, choice, winner);
          if (count === 1) opens(winner);
        },
        answered(answer) {
          since = clock.now();
          choice.answered(answer);
        },
        policy: policyFor(services.policy, { arrivedAt: since, patienceMs, hedgeDelayMs }),
        clock,
      },
      callOff,
    );
  };
  if (count === 1) return run(record.first, signal);
  return mergeChoices(
    {
      count,
      whole: !stream,
      async begin(choice, callOff) {
        if (choice === 0) return run(record.first, callOff);
        const slot = await admitAnother(services.admission, record.traits, since + patienceMs, callOff);
        return slot.type === "picked" ? run(record.choose(slot), callOff) : slot.error;
      },
      opens: (choice) => opens(record.choices[choice]?.winner),
    },
    signal,
  );
}

function hedgeDelayOf({ dispatch }: RaceServices, { traits }: RequestRecord): number | "half_estimate" {
  return dispatch.hedging.history.hedgeDelayMs(traits.model, traits.promptTokens) ?? "half_estimate";
}

/** Notes what a commit shows for later requests. */
function learn({ dispatch, clock }: RaceServices, { traits, hedged }: ChoiceRecord, winner: SentAttempt): void {
  const { hedging } = dispatch;
  hedging.history.observe(winner.model, traits.promptTokens, clock.now() - winner.attempt.startedAt);
  if (hedged) hedging.decided(traits.model, winner.role === "backup");
}
