import type { Provider } from "../fleet/provider.js";
import type { EvaluationContext } from "./evaluation-context.js";
import type { Expecting, Forecast } from "./expecting.js";
import type { GateSet } from "./gate-set.js";
import type { ScoreSettings } from "./settings.js";
import { Subject } from "./subject.js";

/** A provider in the choice for one model, with what the last choice found. */
export class Contender extends Subject {
  forecast: Forecast;
  /** Settings by which the next two have been worked out; `undefined` = not since it changed. */
  priced: ScoreSettings | undefined = undefined;
  /** What it costs any request beside its content, ms. */
  restMs = 0;
  /** What each token of an answer takes, ms. */
  tokenMs = 0;
  /** What keeps it from the request; 0 = it may serve, and the figures below are the request's. */
  gates: GateSet = 0;
  /** Estimated cost, ms; lower is better. */
  total = 0;
  /** When the first content is expected, ms from now. */
  expectedMs = 0;
  /** How much of that others have waited for in vain, ms. */
  censoredMs = 0;
  /** Nothing of it has been measured. */
  byDefault = false;
  /** The prompt may be too long for it: it is known to be within its limit only by the least that it may come to. */
  tight = false;

  constructor(provider: Provider, model: string, expecting: Expecting) {
    super(provider, model);
    this.forecast = expecting.forecast(this);
  }
}

interface Field {
  readonly model: string;
  readonly expecting: Expecting;
  readonly contenders: readonly Contender[];
  revision: number;
  wallAheadMs: number;
}

/** A wall clock that differs by more than this from what it was has been set, or this process stood still, ms. */
const WALL_STEP_MS = 1_000;

/** What was read of the machines of a list: it is gone with the list, which is replaced when another machine joins. */
const fields = new WeakMap<readonly Provider[], Field>();

/** All providers as they are now, in their order. What is found of them is good until the next choice among them. */
export function contendersOf(providers: readonly Provider[], context: EvaluationContext): readonly Contender[] {
  const { expecting, wallAheadMs } = context;
  const { model } = context.traits;
  let field = fields.get(providers);
  if (field === undefined || field.model !== model || field.expecting !== expecting) {
    const contenders = providers.map((provider) => new Contender(provider, model, expecting));
    field = { model, expecting, contenders, revision: expecting.revision(model), wallAheadMs };
    fields.set(providers, field);
    return contenders;
  }
  refresh(field, context);
  return field.contenders;
}

function refresh(field: Field, { expecting, wallAheadMs }: EvaluationContext): void {
  const { contenders, model } = field;
  const revision = expecting.revision(model);
  const isOtherEvidence = revision !== field.revision;
  // Proofs age by either clock: how fresh they are is read anew when these have moved against each other.
  const isOtherTime = Math.abs(wallAheadMs - field.wallAheadMs) > WALL_STEP_MS;
  for (const contender of contenders) {
    const isOther = contender.refresh(isOtherTime);
    if (isOther) contender.priced = undefined;
    if (isOther || isOtherEvidence) contender.forecast = expecting.forecast(contender);
  }
  field.revision = revision;
  if (isOtherTime) field.wallAheadMs = wallAheadMs;
}
