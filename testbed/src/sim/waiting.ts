import { type Evaluation, NO_ATTEMPTS, type Search } from "@hearth/coordinator/internals";
import type { ProviderId } from "@hearth/protocol";
import { evaluateAll, isFree, isIdle, isInTime } from "./fleet-view.js";
import type { AttemptRecord, RequestRecord } from "./journal.js";
import {
  hasTriesLeft,
  isLate,
  isOpen,
  isPastEstimate,
  isRunning,
  RESEEK_MS,
  SLACK_MS,
  SLOTS_PER_OVERTAKE,
} from "./rules.js";
import type { World } from "./world.js";

/** How often a request is looked at that nobody could serve when it was last, ms: a look costs as much as a pick. */
const LOOK_EVERY_MS = 1_000;

/**
 * No request waits beyond its attempt's estimate while a machine exists that is eligible, well, idle and not tried.
 *
 * What may keep it waiting all the same: that it has had its tries (rule 2); that an attempt is within its estimate, or
 * writes an answer and was heard of less than 45 s ago (rules 3 and 4); behind one that moves, that nobody is expected to
 * begin before its deadline, that another runs beside it already, that as many overtake as may, or that others wait for
 * the model (rule 3); that it has an
 * empty answer already (rule 8); behind a 4xx, that only who is unlike all that were tried will do (rule 10); and of an
 * alias, that it waits for one build. Who is looked for is looked for each second.
 */
export function waitsInVain(request: RequestRecord, world: World): string | undefined {
  const now = world.time.now();
  if (now < request.lookAt || !isOpen(request) || request.attempts.length === 0) return undefined;
  const idle = whoCouldServe(request, world);
  if (idle === undefined) {
    request.servableSince = undefined;
    request.lookAt = now + LOOK_EVERY_MS;
    return undefined;
  }
  request.servableSince ??= now;
  const waitedMs = now - request.servableSince;
  if (waitedMs <= RESEEK_MS + SLACK_MS) return undefined;
  return `request ${request.plan.index} has waited for ${Math.round(waitedMs)} ms although ${idle.provider.name} is idle`;
}

function whoCouldServe(request: RequestRecord, world: World): Evaluation | undefined {
  const now = world.time.now();
  const { attempts } = request;
  if (attempts.some((attempt) => isRunning(attempt) && !isPastEstimate(attempt, now))) return undefined;
  if (!hasTriesLeft(request, now) || attempts.some(({ completed }) => completed !== undefined)) return undefined;
  const search = searchOf(request, world);
  const running = attempts.filter(isRunning);
  const mover = running.find((attempt) => !isLate(attempt, now));
  if (mover !== undefined && (running.length > 1 || mayNotOvertake(search, world))) return undefined;
  const bounded: Search = {
    ...search,
    history: NO_ATTEMPTS,
    unlikeEarlier: false,
    expectedBefore: mover?.time?.deadlineAt,
  };
  return evaluateAll(world, bounded).find(
    (each) =>
      isFree(each) &&
      isIdle(each) &&
      isUntried(each, attempts) &&
      (search.unlikeEarlier !== true || isUnlike(each, search.traits.model, attempts)) &&
      isInTime(each, bounded, now),
  );
}

/** What is looked for now: what waits in the queue for it, else what the latest attempt was looked for with. */
function searchOf({ attempts }: RequestRecord, { journal }: World): Search {
  const [first] = attempts as [AttemptRecord];
  const last = attempts.at(-1) as AttemptRecord;
  const traits = first.pick?.search.traits as Search["traits"];
  for (const { search, priority } of journal.waiters) {
    if (priority === "failover" && isSameRequest(search, traits, attempts)) return search;
  }
  const unlikeEarlier = attempts.some(({ failure }) => failure?.kind === "rejected");
  return { traits: { ...traits, model: last.frame.model }, history: NO_ATTEMPTS, unlikeEarlier };
}

/** A request keeps its traits, but where it waits for another build; then it is known by whom it has tried. */
function isSameRequest(
  { traits, history }: Search,
  own: Search["traits"],
  attempts: readonly AttemptRecord[],
): boolean {
  if (traits === own) return true;
  const ids = new Set(attempts.map(({ connection }) => connection.session?.id as ProviderId));
  const isAlike = traits.account === own.account && traits.shape === own.shape && traits.maxTokens === own.maxTokens;
  return isAlike && traits.model !== own.model && history.size === ids.size && [...ids].every((id) => history.has(id));
}

const isUntried = ({ provider }: Evaluation, attempts: readonly AttemptRecord[]): boolean =>
  attempts.every(({ connection }) => connection.session?.id !== provider.id);

/** Another program, or another context, than all that were tried. */
export function isUnlike({ provider }: Evaluation, model: string, attempts: readonly AttemptRecord[]): boolean {
  const context = provider.models.get(model)?.context_length;
  return attempts.every(
    ({ connection: { session }, contextLength }) =>
      provider.agentVersion !== session?.agentVersion || context !== contextLength,
  );
}

function mayNotOvertake({ traits }: Search, { journal, coordinator }: World): boolean {
  const { picker, queue } = coordinator.services.dispatch;
  const most = Math.ceil(picker.slots(traits).all / SLOTS_PER_OVERTAKE);
  let overtaking = 0;
  for (const { openAttempts } of journal.connections) {
    for (const { role, frame } of openAttempts)
      if (role === "overtake" && frame.model === traits.model) overtaking += 1;
  }
  return overtaking >= most || queue.depth(traits.model) > 0;
}
