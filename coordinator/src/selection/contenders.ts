import type { Provider } from "../fleet/provider.js";
import type { EvaluationContext } from "./evaluation-context.js";
import type { Expecting, Forecast } from "./expecting.js";
import type { GateSet } from "./gate-set.js";
import type { ScoreSettings } from "./settings.js";
import { Subject } from "./subject.js";

/** A provider as a candidate for one model, with the findings of the latest choice. */
export class Contender extends Subject {
  forecast: Forecast;
  /** The settings by which the next two were computed; `undefined` = they are outdated. */
  priced: ScoreSettings | undefined = undefined;
  /** The part of its cost that does not depend on the request, ms. */
  restMs = 0;
  /** Time for each token of an answer, ms. */
  tokenMs = 0;
  /** The gates against it; 0 = it may serve, and the figures below are valid for the request. */
  gates: GateSet = 0;
  /** The score: estimated cost, ms; lower is better. */
  total = 0;
  /** When the first content is expected, ms from now. */
  expectedMs = 0;
  /** The part of it that comes from attempts which waited in vain, ms. */
  censoredMs = 0;
  /** The expectation is all assumed, none of it measured. */
  byDefault = false;
  /** The prompt may be too long for it: only the lower bound of its size is within the limit. */
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

/** When wall clock and monotonic clock have drifted apart by more than this, one was set, or the process paused, ms. */
const WALL_STEP_MS = 1_000;

/** The contenders of each list of providers. They go with the list, which is replaced when its machines change. */
const fields = new WeakMap<readonly Provider[], Field>();

/** Contenders for all providers, up to date, in the same order. Their findings are valid until the next call. */
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
  // Proofs age by both clocks, so their freshness is read again when the clocks have drifted apart.
  const isOtherTime = Math.abs(wallAheadMs - field.wallAheadMs) > WALL_STEP_MS;
  for (const contender of contenders) {
    const isOther = contender.refresh(isOtherTime);
    if (isOther) contender.priced = undefined;
    if (isOther || isOtherEvidence) contender.forecast = expecting.forecast(contender);
  }
  field.revision = revision;
  if (isOtherTime) field.wallAheadMs = wallAheadMs;
}
