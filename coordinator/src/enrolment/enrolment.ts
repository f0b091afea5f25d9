import { type Clock, describeFault, repeat, newSecret as systemSecret } from "@hearth/platform";
import type { Credentials } from "../platform/credentials.js";
import type { Logger } from "../platform/logger.js";
import { pruneAll } from "../platform/pruning.js";
import { secretDigest } from "../platform/secret-digest.js";
import type { SharedCounts, SharedEntries } from "../platform/shared-entries.js";
import {
  type AddMachineResult,
  ENROLMENT_PRUNE_BATCH,
  type EnrolmentMethod,
  type EnrolmentStore,
  type EnrolmentToken,
  type Machine,
  type MoveMachineResult,
  type NewMachine,
  type Page,
} from "../store/enrolment-store.js";
import { addressGroup } from "./address-group.js";
import { type Decision, type DeviceCodes, DeviceGrants, type DeviceRequest } from "./device-grants.js";
import type { EnrolmentEvent } from "./enrolment-events.js";
import { ENROLMENT_LIMITS } from "./enrolment-limits.js";
import type {
  CodeLookup,
  CreatedToken,
  Guesser,
  IssuedToken,
  PollResult,
  TokenExchange,
  TokenOrder,
} from "./enrolment-outcomes.js";
import { GuessLimiter } from "./guess-limiter.js";
import { MachineTokens, type ProviderTokens } from "./provider-tokens.js";
import { readUserCode } from "./user-code.js";

export interface EnrolmentHooks {
  /** A machine's token has ended: what is connected with it has to go. */
  revoked(identity: string, enrolmentId: string): void;
  /** A machine has another owner: what is connected with it has to come anew, and what runs ends under the old one. */
  moved(enrolmentId: string): void;
  counted(event: EnrolmentEvent): void;
  /** Who may connect has changed: other coordinators have to know. Absent = there are none. */
  changed?(machineId: string): void;
}

export interface EnrolmentDeps {
  readonly store: EnrolmentStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** Provider tokens of the configuration. */
  readonly sharedTokens: Credentials;
  readonly hooks: EnrolmentHooks;
  /** Where other coordinators have the same codes, and count the same guesses; absent = there are none. */
  readonly shared?: { readonly grants: SharedEntries; readonly guesses: SharedCounts } | undefined;
  /** A secret of at least 192 random bits behind a prefix. */
  readonly newSecret?: (prefix: string) => string;
}

/** Lets machines in and out: device codes, one-use tokens, and the tokens that machines get for either. */
export class Enrolment {
  readonly #deps: EnrolmentDeps;
  readonly #newSecret: (prefix: string) => string;
  readonly #grants: DeviceGrants;
  readonly #guesses: GuessLimiter;
  readonly #tokens: MachineTokens;
  readonly #seen = new Map<string, number>();
  readonly #timers: readonly Disposable[];
  readonly #ended = new AbortController();

  private constructor(deps: EnrolmentDeps, machines: readonly Machine[]) {
    const { clock } = deps;
    this.#deps = deps;
    this.#newSecret = deps.newSecret ?? systemSecret;
    this.#grants = new DeviceGrants(clock, this.#newSecret, deps.shared?.grants);
    this.#guesses = new GuessLimiter(clock, () => ENROLMENT_LIMITS, deps.shared?.guesses);
    this.#tokens = new MachineTokens(deps.sharedTokens, machines);
    this.#timers = [
      repeat(clock, ENROLMENT_LIMITS.seenIntervalMs, () => void this.#inBackground(() => this.#writeSeen())),
      repeat(clock, ENROLMENT_LIMITS.pruneIntervalMs, () => void this.#inBackground(() => this.#prune())),
    ];
  }

  /** Loads who is enrolled. @throws what the store throws */
  static async open(deps: EnrolmentDeps): Promise<Enrolment> {
    const enrolment = new Enrolment(deps, await deps.store.activeMachines());
    await enrolment.#inBackground(() => enrolment.#prune());
    return enrolment;
  }

  /** Another coordinator has changed who may connect: as the store has it now. Never rejects. */
  reload(): Promise<void> {
    return this.#inBackground(async () => {
      // Who is enrolled here meanwhile is not in what is read.
      const before = this.#tokens.all();
      const active = new Map((await this.#deps.store.activeMachines()).map((machine) => [machine.id, machine]));
      for (const machine of before) if (!active.has(machine.id)) this.#end(machine);
      const accounts = new Map(before.map(({ id, account }) => [id, account]));
      for (const machine of active.values()) {
        this.#tokens.add(machine);
        if ((accounts.get(machine.id) ?? machine.account) !== machine.account) this.#deps.hooks.moved(machine.id);
      }
    });
  }

  /** For the handshake. */
  get tokens(): ProviderTokens {
    return this.#tokens;
  }

  /** A machine asks for a pair of codes. */
  requestDevice(request: DeviceRequest, address: string): DeviceCodes {
    const codes = this.#grants.open(request, address);
    this.#deps.hooks.counted(codes.type === "granted" ? "device_requested" : "device_refused");
    return codes;
  }

  /** The machine that waits under what somebody typed. */
  findDevice(typed: string, guesser: Guesser): CodeLookup {
    const keys = [`account ${guesser.account}`, `address ${addressGroup(guesser.address)}`];
    const code = readUserCode(typed);
    if (code === undefined) return { type: "malformed" };
    const retryAfterMs = this.#guesses.blockedMs(...keys);
    if (retryAfterMs > 0) return this.#blocked(retryAfterMs);
    const grant = this.#grants.find(code);
    if (grant !== undefined) return { type: "found", grant };
    this.#guesses.wrong(...keys);
    this.#deps.hooks.counted("user_code_unknown");
    return { type: "unknown" };
  }

  /** Approves the machine for the guesser's account, or denies it. */
  decideDevice(typed: string, verdict: Decision["type"], guesser: Guesser): CodeLookup {
    const found = this.findDevice(typed, guesser);
    if (found.type !== "found") return found;
    const { account } = guesser;
    this.#grants.decide(found.grant.userCode, verdict === "approved" ? { type: verdict, account } : { type: verdict });
    this.#deps.hooks.counted(verdict === "approved" ? "device_approved" : "device_denied");
    this.#deps.log.info({ account, verdict }, "device decided");
    return found;
  }

  /** A machine asks what became of its device code; the answer `issued` comes once. @throws what the store throws */
  async pollDevice(deviceCode: string): Promise<PollResult> {
    const poll = this.#grants.poll(deviceCode);
    if (poll.type === "unknown") return { type: "invalid_grant" };
    if (poll.type !== "approved") return poll;
    const { grant, account } = poll;
    const { token, machine } = this.#newMachine(grant.request, "device_code");
    try {
      const added = await this.#deps.store.addMachine({ ...machine, account }, ENROLMENT_LIMITS.machinesPerAccount);
      return this.#enrolled(token, added);
    } catch (error) {
      this.#grants.restore(deviceCode, grant, account);
      throw error;
    }
  }

  /** A machine spends a one-use token. @throws what the store throws */
  async redeemToken(enrolmentToken: string, request: DeviceRequest, address: string): Promise<TokenExchange> {
    const { token, machine } = this.#newMachine(request, "enrolment_token");
    const limit = ENROLMENT_LIMITS.machinesPerAccount;
    const redeemed = await this.#deps.store.redeem(secretDigest(enrolmentToken), machine, limit);
    if (redeemed.type === "added" || redeemed.type === "account_full") return this.#enrolled(token, redeemed);
    this.#deps.hooks.counted("token_refused");
    return redeemed.type === "unknown" ? this.#wrongToken(address) : redeemed;
  }

  /** Makes one-use tokens; `account_full` when the account has too many unused ones. */
  async createTokens(order: TokenOrder): Promise<readonly CreatedToken[] | "account_full"> {
    const { account, note, lifetimeMs } = order;
    const createdAtMs = this.#deps.clock.wallTime();
    const expiresAtMs = createdAtMs + lifetimeMs;
    const created = Array.from({ length: order.count }, () => ({
      id: this.#newSecret("et_"),
      token: this.#newSecret("he-"),
      expiresAtMs,
    }));
    const rows = created.map(({ id, token }) => ({
      ...{ id, account, note, createdAtMs, expiresAtMs },
      tokenDigest: secretDigest(token),
    }));
    const result = await this.#deps.store.addTokens(rows, ENROLMENT_LIMITS.unusedTokensPerAccount);
    if (result === "account_full") return result;
    this.#deps.hooks.counted("tokens_created");
    this.#deps.log.info({ account, count: order.count }, "enrolment tokens created");
    return created;
  }

  listTokens(page: Page): Promise<readonly EnrolmentToken[]> {
    return this.#deps.store.listTokens(page);
  }

  /** @param account whose token it has to be; absent = anybody's. @returns whether there was one to revoke */
  async revokeToken(id: string, account?: string): Promise<boolean> {
    const revoked = await this.#deps.store.revokeToken(id, this.#deps.clock.wallTime(), account);
    if (revoked) this.#deps.hooks.counted("token_revoked");
    return revoked;
  }

  listMachines(page: Page): Promise<readonly Machine[]> {
    return this.#deps.store.listMachines(page);
  }

  /** @param account whose machine it has to be; absent = anybody's. @returns whether there was one to revoke */
  async revokeMachine(id: string, account?: string): Promise<boolean> {
    const machine = await this.#deps.store.revokeMachine(id, this.#deps.clock.wallTime(), account);
    if (machine === undefined) return false;
    this.#deps.hooks.counted("machine_revoked");
    this.#deps.log.info({ account: machine.account, machine: id }, "machine revoked");
    this.#shutOut(machine);
    return true;
  }

  /** Machines that may connect with tokens of their own. */
  machines(): Iterable<Machine> {
    return this.#tokens.machines();
  }

  /** Gives a machine, with the token that it has, to another account: what it earns from now on is that one's. */
  async moveMachine(id: string, account: string): Promise<MoveMachineResult> {
    const { store, clock, hooks, log } = this.#deps;
    const maxPerAccount = ENROLMENT_LIMITS.machinesPerAccount;
    const result = await store.moveMachine({ id, account, maxPerAccount, atMs: clock.wallTime() });
    if (result.type !== "moved" || result.from === account) return result;
    this.#tokens.add(result.machine);
    hooks.counted("machine_moved");
    log.info({ account, machine: id, from: result.from }, "machine moved to another account");
    if (result.replaced !== undefined) this.#shutOut(result.replaced);
    hooks.moved(id);
    hooks.changed?.(id);
    return result;
  }

  /** A machine gives back its own token; any other token is let be (RFC 7009 §2.2). */
  async surrender(token: string): Promise<void> {
    const id = this.#tokens.resolve(token)?.enrolmentId;
    if (id !== undefined) await this.revokeMachine(id);
  }

  /** A machine is connected. Written down once a minute. */
  seen(enrolmentId: string): void {
    this.#seen.set(enrolmentId, this.#deps.clock.wallTime());
  }

  /** Stops its timers and writes down what is left to write. The store stays open. */
  async close(): Promise<void> {
    this.#ended.abort();
    for (const timer of this.#timers) timer[Symbol.dispose]();
    await this.#inBackground(() => this.#writeSeen());
  }

  #newMachine(
    request: DeviceRequest,
    method: EnrolmentMethod,
  ): { token: string; machine: Omit<NewMachine, "account"> } {
    const { identity, name, platform, agentVersion } = request;
    const token = this.#newSecret("hm-");
    const createdAtMs = this.#deps.clock.wallTime();
    const id = this.#newSecret("mach_");
    const machine = {
      id,
      identity,
      name,
      platform,
      agentVersion,
      method,
      tokenDigest: secretDigest(token),
      createdAtMs,
    };
    return { token, machine };
  }

  #enrolled(token: string, added: AddMachineResult): IssuedToken | { readonly type: "account_full" } {
    if (added.type === "account_full") return added;
    const { machine, replaced } = added;
    this.#tokens.add(machine);
    this.#deps.hooks.changed?.(machine.id);
    this.#deps.hooks.counted("machine_enrolled");
    this.#deps.log.info({ account: machine.account, machine: machine.id, method: machine.method }, "machine enrolled");
    if (replaced !== undefined) {
      this.#deps.hooks.counted("machine_replaced");
      this.#shutOut(replaced);
    }
    return { type: "issued", token, machine };
  }

  #shutOut(machine: Machine): void {
    this.#end(machine);
    this.#deps.hooks.changed?.(machine.id);
  }

  #end(machine: Machine): void {
    this.#tokens.remove(machine);
    this.#seen.delete(machine.id);
    this.#deps.hooks.revoked(machine.identity, machine.id);
  }

  /**
   * Only what never was a token counts: a fleet that starts again with spent ones guesses at nothing. And only that is
   * blocked: nobody guesses 192 bits, and one bad neighbour behind the same proxy must not keep a fleet out.
   */
  #wrongToken(address: string): TokenExchange {
    const key = `token ${addressGroup(address)}`;
    const retryAfterMs = this.#guesses.blockedMs(key);
    if (retryAfterMs > 0) return this.#blocked(retryAfterMs);
    this.#guesses.wrong(key);
    return { type: "unknown" };
  }

  #blocked(retryAfterMs: number): { readonly type: "blocked"; readonly retryAfterMs: number } {
    this.#deps.hooks.counted("guesses_blocked");
    return { type: "blocked", retryAfterMs };
  }

  async #writeSeen(): Promise<void> {
    const seen = new Map(this.#seen);
    await this.#deps.store.touch(seen);
    // Not before: what the store does not take now is written with the next round.
    for (const [id, at] of seen) if (this.#seen.get(id) === at) this.#seen.delete(id);
  }

  async #prune(): Promise<void> {
    const { clock, store } = this.#deps;
    const prune = (): Promise<number> => store.prune(clock.wallTime() - ENROLMENT_LIMITS.retentionMs);
    await pruneAll({ clock, batch: ENROLMENT_PRUNE_BATCH, prune }, this.#ended.signal);
  }

  /** Housekeeping that failed is tried again with the next round, and stops nobody from serving. */
  async #inBackground(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#deps.log.error({ fault: describeFault(error) }, "enrolment housekeeping failed");
    }
  }
}
