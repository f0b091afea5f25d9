import type { Clock } from "@hearth/platform";
import { TRUST_LEVELS } from "@hearth/protocol";
import { isVersionBelow } from "../platform/versions.js";
import type { Catalog } from "./catalog.js";
import type { Expecting } from "./expecting.js";
import type { Health } from "./health.js";
import type { SelectionSettings } from "./settings.js";
import { type AttemptHistory, type Search, type Traits, wantsTools, wantsVision } from "./traits.js";

/** What every evaluation needs. */
export interface EvaluationDeps {
  /** As the operator has it now. */
  readonly catalog: () => Catalog;
  readonly settings: () => SelectionSettings;
  readonly health: Health;
  readonly expecting: Expecting;
  readonly clock: Pick<Clock, "now" | "wallTime">;
}

/** One request at one moment: what is asked of providers, computed once for all of them. */
export interface EvaluationContext {
  readonly traits: Traits;
  readonly history: AttemptHistory;
  readonly unlikeEarlier: boolean;
  readonly settings: SelectionSettings;
  readonly health: Health;
  readonly expecting: Expecting;
  readonly now: number;
  /** Wall clock minus monotonic clock, ms. Changes when the process pauses or the wall clock is set. */
  readonly wallAheadMs: number;
  /** It asks for more than a free slot and a long enough context, so that `requestGates` must be checked. */
  readonly isParticular: boolean;
  readonly wantsTools: boolean;
  readonly wantsVision: boolean;
  /** The operator has switched the model off. */
  readonly isSwitchedOff: boolean;
  /** The lowest trust that will do, as a rank. */
  readonly trustRank: number;
  /** The lowest agent versions that will do. Absent = any. */
  readonly versions: VersionFloors | undefined;
  /** The expected length of the answer, tokens. */
  readonly answerTokens: number;
  /** The expected length of an unbounded answer of this model, tokens. */
  readonly typicalAnswerTokens: number;
}

export function contextOf({ traits, history, unlikeEarlier }: Search, deps: EvaluationDeps): EvaluationContext {
  const { health, expecting } = deps;
  const catalog = deps.catalog();
  const [tools, vision] = [wantsTools(traits.shape), wantsVision(traits.shape)];
  const now = deps.clock.now();
  const rule = catalog.rules.get(traits.model);
  const asked = Math.max(rankOf(catalog.trustMinimum), rankOf(traits.minTrust ?? "none"));
  const trustRank = rule === undefined ? asked : Math.max(asked, rankOf(rule.trustMinimum));
  const versions = versionsFor([catalog.versionFloors, rule?.versionFloors], { tools, vision });
  const isOff = rule?.enabled === false;
  return {
    traits,
    history,
    unlikeEarlier: unlikeEarlier === true,
    settings: deps.settings(),
    health,
    expecting,
    now,
    wallAheadMs: deps.clock.wallTime() - now,
    isParticular:
      tools ||
      vision ||
      traits.structuredOutput === true ||
      traits.logprobs === true ||
      history.size > 0 ||
      traits.allowlist !== undefined ||
      traits.route === "self" ||
      isOff ||
      trustRank > 0 ||
      versions !== undefined,
    wantsTools: tools,
    wantsVision: vision,
    isSwitchedOff: isOff,
    trustRank,
    versions,
    answerTokens: expecting.expectedAnswerTokens(traits.model, traits.maxTokens),
    typicalAnswerTokens: expecting.expectedAnswerTokens(traits.model, undefined),
  };
}

function versionsFor(
  given: readonly (Catalog["versionFloors"] | undefined)[],
  wants: { readonly tools: boolean; readonly vision: boolean },
) {
  const set: string[] = [];
  for (const floors of given) {
    if (floors?.base !== undefined) set.push(floors.base);
    if (wants.tools && floors?.tools !== undefined) set.push(floors.tools);
    if (wants.vision && floors?.vision !== undefined) set.push(floors.vision);
  }
  return set.length === 0 ? undefined : new VersionFloors(set);
}

/** The lowest agent versions that will do. A fleet has few different versions, so each is compared only once. */
export class VersionFloors {
  readonly #floors: readonly string[];
  readonly #known = new Map<string, boolean>();

  constructor(floors: readonly string[]) {
    this.#floors = floors;
  }

  /** Whether a version is below one of them. */
  isBelow(version: string): boolean {
    const known = this.#known.get(version);
    if (known !== undefined) return known;
    const below = this.#floors.some((floor) => isVersionBelow(version, floor));
    this.#known.set(version, below);
    return below;
  }
}

export const rankOf = (level: (typeof TRUST_LEVELS)[number]): number => TRUST_LEVELS.indexOf(level);
