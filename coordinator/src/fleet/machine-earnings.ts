import { type Clock, describeFault } from "@hearth/platform";
import { type Earnings, earningsSchema, LIMITS, type ProviderId } from "@hearth/protocol";
import type { Logger } from "../platform/logger.js";

/** The machine whose earnings are asked for. */
export interface EarningMachine {
  readonly id: ProviderId;
  readonly account: string;
  /** Absent if it registered with a token of the configuration file. */
  readonly enrolmentId: string | undefined;
}

/** Knows what machines have earned. Asked about each at most once a minute, and never while an answer is pending. */
export interface MachineEarnings {
  /** @returns `undefined` if nothing is known of the machine; it is told nothing then */
  of(machine: EarningMachine): Earnings | undefined | Promise<Earnings | undefined>;
}

export interface EarningsNewsDeps {
  readonly earnings: MachineEarnings;
  readonly clock: Clock;
  readonly log: Logger;
}

const DAY_MS = 86_400_000;

/** What the machine of one connection is told of its earnings. First asked for when the machine registers. */
export class EarningsNews {
  readonly #deps: EarningsNewsDeps;
  readonly #machine: EarningMachine;
  #known: Earnings | undefined;
  #told: { readonly earnings: Earnings; readonly at: number } | undefined;
  /** When the last answer came, ms on the clock; `undefined` while one is pending. */
  #answeredAt: number | undefined;

  constructor({ id, account, enrolmentId }: EarningMachine, deps: EarningsNewsDeps) {
    this.#machine = { id, account, enrolmentId };
    this.#deps = deps;
    this.#ask();
  }

  /**
   * What is to be told now: the first figures, and later ones that differ, a minute apart at least. Also asks for new
   * figures when it is time; they are told with a later heartbeat, since none waits for them.
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
      const answer = this.#deps.earnings.of(this.#machine);
      if (!(answer instanceof Promise)) return this.#answered(answer);
      answer.then((earnings) => this.#answered(earnings)).catch((error: unknown) => this.#failed(error));
    } catch (error) {
      this.#failed(error);
    }
  }

  /** @throws ZodError for earnings that no frame can carry, over which the machine would close the connection */
  #answered(earnings: Earnings | undefined): void {
    this.#known = earnings === undefined ? this.#known : earningsSchema.parse(earnings);
    this.#answeredAt = this.#deps.clock.now();
  }

  /** The machine keeps its old figures, on which nothing depends. */
  #failed(error: unknown): void {
    const { log, clock } = this.#deps;
    log.warn({ provider: this.#machine.id, problem: describeFault(error) }, "earnings not known");
    this.#answeredAt = clock.now();
  }
}

const isDue = (since: number, clock: Clock): boolean => clock.now() - since >= LIMITS.earningsIntervalMs;

/** The day is compared too: on a new one today's earnings are told again, even if the amount is equal. */
function isSame(one: Earnings, other: Earnings): boolean {
  return (
    one.today_micro_usd === other.today_micro_usd &&
    one.week_micro_usd === other.week_micro_usd &&
    one.total_micro_usd === other.total_micro_usd &&
    Math.floor(one.as_of / DAY_MS) === Math.floor(other.as_of / DAY_MS)
  );
}
