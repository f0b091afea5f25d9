import type { Clock } from "@hearth/platform";
import type { Eligibility, HeartbeatAckFrame, MachinePause, ProviderId, Reputation } from "@hearth/protocol";
import type { Logger } from "../platform/logger.js";
import { type EarningMachine, EarningsNews, type EarningsNewsDeps, type MachineEarnings } from "./machine-earnings.js";
import { type RuntimeRules, updateNotice } from "./trust/runtime-manifest.js";
import type { Work } from "./work-history.js";

/**
 * Where there is nothing to tell, a heartbeat that comes in its turn is answered this long after the last answer, ms: of
 * those that come every 5 s, each third. An agent takes silence of 45 s for the end of its connection.
 */
const QUIET_MS = 12_500;
/** What comes sooner than this after the one before is out of turn, ms: whoever asks so soon wants an answer. */
const IN_TURN_MS = 2_500;

/** While a machine loses, it is compared with its neighbours anew so often, ms. */
const COMPARED_MS = 10_000;

/** What selection thinks of a machine for plain requests. */
export interface Eligibilities {
  /** The same for as long as no gate opens or closes and the models are the same; `undefined` = the machine is not connected. */
  gates(id: ProviderId): string | undefined;
  of(id: ProviderId): readonly Eligibility[];
}

export interface NewsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** The operator's present rules for programs, templates and weights. */
  readonly rules: () => RuntimeRules;
  /** Absent = machines are not told what they have earned. */
  readonly earnings?: MachineEarnings | undefined;
  /** How a machine stands by its record. Absent = machines are not told. */
  readonly standing?: ((id: ProviderId) => Reputation) | undefined;
  /** Whether a machine could get requests. Absent = machines are not told. */
  readonly eligibility?: Eligibilities | undefined;
  /** Whether its owner has paused it here. Absent = none can. */
  readonly paused?: ((machine: ToldAccount) => MachinePause | undefined) | undefined;
  /** What became of a machine in selection since its last heartbeat. Absent = nobody keeps that. */
  readonly worked?: ((id: ProviderId, work: Work) => void) | undefined;
}

interface ToldAccount {
  readonly id: ProviderId;
  readonly account: string;
}

interface ToldMachine extends EarningMachine {
  readonly agentVersion: string;
}

/** What the machine of one connection is told with the answers to its heartbeats, beside its share of the work. */
export class HeartbeatNews {
  readonly #deps: NewsDeps;
  readonly #machine: ToldMachine;
  readonly #earnings: EarningsNews | undefined;
  #toldStanding: Reputation | undefined;
  /** The gates that it was last told of, and when. */
  #toldGates: string | undefined;
  #toldGatesAt = 0;
  #heardAt = Number.NEGATIVE_INFINITY;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #toldVersion: string | undefined;

  constructor(machine: ToldMachine, deps: NewsDeps) {
    this.#machine = machine;
    this.#deps = deps;
    this.#earnings = hasEarnings(deps) ? new EarningsNews(machine, deps) : undefined;
  }

  /**
   * What a heartbeat is answered with: what is to be told now, with how the machine has fared, which is kept for an hour.
   *
   * @returns `undefined` for one that needs no answer: there is nothing to tell, and the last answer is not long ago
   */
  answer(id: ProviderId, work: Work): (Work & ReturnType<HeartbeatNews["take"]>) | undefined {
    this.#deps.worked?.(id, work);
    const news = this.take(work.lost > 0);
    const now = this.#deps.clock.now();
    const isInTurn = now - this.#heardAt >= IN_TURN_MS;
    this.#heardAt = now;
    if (isInTurn && now - this.#answeredAt < QUIET_MS && isNothing(work) && this.#isKnown(news)) return undefined;
    this.#answeredAt = now;
    this.#toldVersion = news.update?.latest_version;
    return { ...work, ...news };
  }

  /** A newer program is in every answer, and news in the first alone. */
  #isKnown({ update, ...rest }: ReturnType<HeartbeatNews["take"]>): boolean {
    return update?.latest_version === this.#toldVersion && isEmpty(rest);
  }

  /**
   * What is to be told now. What the machine knows already is left out.
   *
   * @param hasLost another one was chosen lately, although nothing was against this one
   */
  take(hasLost = false): Pick<HeartbeatAckFrame, "update" | "earnings" | "reputation" | "eligibility" | "paused"> {
    const update = updateNotice(this.#deps.rules(), this.#machine.agentVersion);
    const earnings = this.#earnings?.take();
    const reputation = this.#standing();
    const eligibility = this.#eligibility(hasLost);
    const paused = this.#deps.paused?.(this.#machine);
    return {
      ...(update && { update }),
      ...(earnings && { earnings }),
      ...(reputation && { reputation }),
      ...(eligibility && { eligibility: [...eligibility] }),
      ...(paused && { paused }),
    };
  }

  /** Gates are looked at each time, which costs next to nothing; machines are compared only where that is news. */
  #eligibility(hasLost: boolean): readonly Eligibility[] | undefined {
    const { eligibility, clock } = this.#deps;
    const gates = eligibility?.gates(this.#machine.id);
    if (eligibility === undefined || gates === undefined) return undefined;
    const isDue = hasLost && clock.now() - this.#toldGatesAt >= COMPARED_MS;
    if (gates === this.#toldGates && !isDue) return undefined;
    this.#toldGates = gates;
    this.#toldGatesAt = clock.now();
    return eligibility.of(this.#machine.id);
  }

  #standing(): Reputation | undefined {
    const standing = this.#deps.standing?.(this.#machine.id);
    if (standing === undefined || isSame(standing, this.#toldStanding)) return undefined;
    this.#toldStanding = standing;
    return standing;
  }
}

const isNothing = ({ picked, lost, rejected }: Work): boolean => picked === 0 && lost === 0 && isEmpty(rejected);

function isEmpty(object: object): boolean {
  for (const _member in object) return false;
  return true;
}

const hasEarnings = (deps: NewsDeps): deps is NewsDeps & EarningsNewsDeps => deps.earnings !== undefined;

/** Milliseconds are not compared: they fade with every heartbeat, and are told again when the score has changed. */
function isSame({ score, reasons }: Reputation, told: Reputation | undefined): boolean {
  if (told?.score !== score) return false;
  const [now, then] = [Object.entries(reasons), Object.entries(told.reasons)];
  return (
    now.length === then.length &&
    now.every(([reason, mark], n) => {
      const [toldReason, toldMark] = then[n] ?? [];
      return reason === toldReason && mark?.count === toldMark?.count;
    })
  );
}
