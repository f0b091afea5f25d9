import { HearthError } from "../platform/errors.js";
import type { Principal } from "./principal.js";
import type { Limit, RateLimiter, Standing, Taken } from "./rate-limiter.js";

/** One request of a key that has limits. Disposing ends it: its tokens are given back unless it has used some. */
export interface Entered extends Disposable {
  /** @param tokens that it really came to; told once */
  used(tokens: number): void;
}

/** Told how the limits stand, as OpenAI's headers tell it, also of a refusal. */
export type TellHeaders = (headers: Readonly<Record<string, string>>) => void;

const FREE_ENTRY: Entered = { used() {}, [Symbol.dispose]() {} };

/** Holds keys and accounts to their requests and tokens a minute, and to so many requests at once. */
export class KeyLimiter {
  readonly #limiter: RateLimiter;
  /** Requests that run, by key and by account. */
  readonly #running = new Map<string, number>();

  constructor(limiter: RateLimiter) {
    this.#limiter = limiter;
  }

  /**
   * Lets a request in, or not. A key without limits costs nothing.
   *
   * @param tokens what it may come to: prompt and bound
   * @throws HearthError `rate_limit_exceeded`
   */
  enter(
    { keyId, account, limits }: Pick<Principal, "keyId" | "account" | "limits">,
    tokens: number,
    told: TellHeaders,
  ): Entered | Promise<Entered> {
    const { requestsPerMinute, tokensPerMinute, concurrency, accountConcurrency } = limits;
    const atOnce = [
      ...(concurrency === undefined ? [] : [{ name: `key ${keyId}`, most: concurrency, whose: "API key" }]),
      ...(accountConcurrency === undefined
        ? []
        : [{ name: `account ${account}`, most: accountConcurrency, whose: "account" }]),
    ];
    const rates: Rate[] = [];
    if (requestsPerMinute !== undefined) rates.push(rateOf("requests", keyId, requestsPerMinute, 1));
    if (tokensPerMinute !== undefined) rates.push(rateOf("tokens", keyId, tokensPerMinute, tokens));
    if (atOnce.length === 0 && rates.length === 0) return FREE_ENTRY;
    for (const { name, most, whose } of atOnce) {
      if ((this.#running.get(name) ?? 0) >= most) throw tooMany(whose, `${counted(most, "requests")} at once`, 1_000);
    }
    const names = atOnce.map(({ name }) => name);
    for (const name of names) this.#count(name, 1);
    return rates.length === 0 ? this.#entered(names, []) : this.#take(names, rates, told);
  }

  async #take(names: readonly string[], rates: readonly Rate[], told: TellHeaders): Promise<Entered> {
    const headers: Record<string, string> = {};
    const taken: Held[] = [];
    try {
      for (const rate of rates) {
        const standing = await this.#limiter.take(rate.limit, rate.cost);
        Object.assign(headers, headersOf(rate, standing));
        if (!standing.allowed)
          throw tooMany("API key", `${counted(rate.limit.perMinute, rate.what)} a minute`, standing.retryMs, rate.what);
        taken.push({ ...rate, taken: standing.taken });
      }
    } catch (refused) {
      for (const held of taken) held.taken.cameTo(0);
      for (const name of names) this.#count(name, -1);
      throw refused;
    } finally {
      told(headers);
    }
    return this.#entered(names, taken);
  }

  #entered(names: readonly string[], taken: readonly Held[]): Entered {
    const tokens = taken.find(({ what }) => what === "tokens")?.taken;
    // A request counts as one whatever becomes of it.
    for (const held of taken) if (held.what === "requests") held.taken.cameTo(held.cost);
    let open = true;
    return {
      used: (really) => tokens?.cameTo(really),
      [Symbol.dispose]: () => {
        if (!open) return;
        open = false;
        tokens?.cameTo(0);
        for (const name of names) this.#count(name, -1);
      },
    };
  }

  #count(name: string, change: 1 | -1): void {
    const running = (this.#running.get(name) ?? 0) + change;
    if (running === 0) this.#running.delete(name);
    else this.#running.set(name, running);
  }
}

interface Rate {
  readonly what: "requests" | "tokens";
  readonly limit: Limit;
  readonly cost: number;
}

interface Held extends Rate {
  readonly taken: Taken;
}

function rateOf(what: Rate["what"], keyId: string, perMinute: number, cost: number): Rate {
  return { what, limit: { name: `${keyId} ${what}`, perMinute }, cost };
}

/** As OpenAI sends them: https://platform.openai.com/docs/guides/rate-limits. */
function headersOf({ what, limit }: Rate, { remaining, resetMs }: Standing): Record<string, string> {
  return {
    [`x-ratelimit-limit-${what}`]: String(limit.perMinute),
    [`x-ratelimit-remaining-${what}`]: String(remaining),
    [`x-ratelimit-reset-${what}`]: durationText(resetMs),
  };
}

/** `12ms`, `1.5s`, `1m0s`: Go's form, which OpenAI's headers have. */
function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms / 10) / 100;
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${Math.round((seconds % 60) * 100) / 100}s`;
}

const counted = (count: number, what: Rate["what"]): string => `${count} ${count === 1 ? what.slice(0, -1) : what}`;

function tooMany(whose: string, most: string, retryMs: number, limitOf?: Rate["what"]): HearthError {
  return new HearthError("rate_limit_exceeded", `This ${whose} is over its limit of ${most}.`, {
    limitOf,
    retryAfterSeconds: Math.max(1, Math.ceil(retryMs / 1_000)),
  });
}
