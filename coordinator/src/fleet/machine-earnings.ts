import { type Clock, describeFault } from "@hearth/platform";
import { type Earnings, earningsSchema, LIMITS, type ProviderId } from "@hearth/protocol";
import type { Logger } from "../platform/logger.js";

/** Whose earnings are asked for. */
export interface EarningMachine {
  readonly id: ProviderId;
  readonly account: string;
  /** Absent where the token of its registration is of the configuration. */
  readonly enrolmentId: string | undefined;
}

/** Knows what machines have earned. Of each it is asked once a minute at most, and not before it has answered. */
export interface MachineEarnings {
  /** @returns `undefined` = nothing is known of that machine, which is told nothing then */
  of(machine: EarningMachine): Earnings | undefined | Promise<Earnings | undefined>;
}

export interface EarningsNewsDeps {
  readonly source: MachineEarnings;
  readonly clock: Clock;
  readonly log: Logger;
}

const DAY_MS = 86_400_000;

/** What the machine of one connection is to be told of its earnings. It is asked for when the machine registers. */
export class EarningsNews {
  readonly #deps: EarningsNewsDeps;
  readonly #machine: EarningMachine;
  #known: Earnings | undefined;
  #told: { readonly earnings: Earnings; readonly at: number } | undefined;
  /** When the last answer came, on the clock; absent while one is waited for. */
  #answeredAt: number | undefined;

  constructor({ id, account, enrolmentId }: EarningMachine, deps: EarningsNewsDeps) {
    this.#machine = { id, account, enrolmentId };
    this.#deps = deps;
    this.#ask();
  }

  /**
   * What is to be told now: once what is known, and later what has changed, a minute apart at least. What is asked for
   * here is told the next time: no heartbeat waits for it.
   */
  take(): Earnings | undefined {
    const news = this.#news();
    const { clock } = this.#deps;
    if (news !== undefined) this.#told = { earnings: news, at: clock.now() };
    if (this.#answeredAt !== undefined && isDue(this.#answeredAt, clock)) this.#ask();
    return news;
  }

  #news(): Earnings | undefined {
    if (this.#known === undefined || this.#told === undefined) return this.#known;
    const { earnings, at } = this.#told;
    return isDue(at, this.#deps.clock) && !isSame(earnings, this.#known) ? this.#known : undefined;
  }

  #ask(): void {
    this.#answeredAt = undefined;
    try {
      const answer = this.#deps.source.of(this.#machine);
      if (!(answer instanceof Promise)) return this.#answered(answer);
      answer.then((earnings) => this.#answered(earnings)).catch((error: unknown) => this.#failed(error));
    } catch (error) {
      this.#failed(error);
    }
  }

  /** @throws ZodError for what no frame can carry: the machine would close the connection over it */
  #answered(earnings: Earnings | undefined): void {
    this.#known = earnings === undefined ? this.#known : earningsSchema.parse(earnings);
    this.#answeredAt = this.#deps.clock.now();
  }

  /** It knows what it was told before, and nothing depends on it. */
  #failed(error: unknown): void {
    const { log, clock } = this.#deps;
    log.warn({ provider: this.#machine.id, problem: describeFault(error) }, "earnings not known");
    this.#answeredAt = clock.now();
  }
}

const isDue = (since: number, clock: Clock): boolean => clock.now() - since >= LIMITS.earningsIntervalMs;

/** Also of the same day: what was earned today is told anew on the next one, though it may be as much. */
function isSame(one: Earnings, other: Earnings): boolean {
  return (
    one.today_micro_usd === other.today_micro_usd &&
    one.week_micro_usd === other.week_micro_usd &&
    one.total_micro_usd === other.total_micro_usd &&
    Math.floor(one.as_of / DAY_MS) === Math.floor(other.as_of / DAY_MS)
  );
}
