import type { Clock } from "@hearth/platform";
import { TRUST_LEVELS } from "@hearth/protocol";
import type { Catalog } from "./catalog.js";
import type { Expecting } from "./expecting.js";
import type { Health } from "./health.js";
import type { SelectionSettings } from "./settings.js";
import { type Search, type Traits, type Tried, wantsTools, wantsVision } from "./traits.js";

/** What every look at the fleet has to know. */
export interface EvaluationDeps {
  /** As the operator has it now. */
  readonly catalog: () => Catalog;
  readonly settings: () => SelectionSettings;
  readonly health: Health;
  readonly expecting: Expecting;
  readonly clock: Pick<Clock, "now">;
}

/** One request at one moment: all that is asked of a provider, worked out once for all of them. */
export interface EvaluationContext {
  readonly traits: Traits;
  readonly tried: Tried;
  readonly unlikeTried: boolean;
  readonly settings: SelectionSettings;
  readonly health: Health;
  readonly expecting: Expecting;
  readonly now: number;
  readonly wantsTools: boolean;
  readonly wantsVision: boolean;
  /** Least rank of trust that will do. */
  readonly trustRank: number;
  /** Agent versions that must be reached, all of them. */
  readonly floors: readonly string[];
  /** What the answer is expected to have, tokens. */
  readonly answerTokens: number;
  /** What an answer of this model has when nobody bounds it, tokens. */
  readonly typicalAnswerTokens: number;
}

export function contextOf({ traits, tried, unlikeTried }: Search, deps: EvaluationDeps): EvaluationContext {
  const { health, expecting } = deps;
  const catalog = deps.catalog();
  const [tools, vision] = [wantsTools(traits.shape), wantsVision(traits.shape)];
  const { versionFloors } = catalog;
  return {
    traits,
    tried,
    unlikeTried: unlikeTried === true,
    settings: deps.settings(),
    health,
    expecting,
    now: deps.clock.now(),
    wantsTools: tools,
    wantsVision: vision,
    trustRank: Math.max(rankOf(catalog.trustMinimum), rankOf(traits.minTrust ?? "none")),
    floors: [
      versionFloors.base,
      tools ? versionFloors.tools : undefined,
      vision ? versionFloors.vision : undefined,
    ].filter((floor) => floor !== undefined),
    answerTokens: expecting.expectedAnswerTokens(traits.model, traits.maxTokens),
    typicalAnswerTokens: expecting.expectedAnswerTokens(traits.model, undefined),
  };
}

export const rankOf = (level: (typeof TRUST_LEVELS)[number]): number => TRUST_LEVELS.indexOf(level);
