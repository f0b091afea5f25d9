import type { Clock } from "@hearth/platform";
import { startAge } from "../platform/age.js";
import { secretDigest } from "../platform/secret-digest.js";
import type { SharedEntries } from "../platform/shared-entries.js";
import { addressGroup } from "./address-group.js";
import { ENROLMENT_LIMITS } from "./enrolment-limits.js";
import { readShared, type SharedGrant } from "./shared-grant.js";
import { drawUserCode } from "./user-code.js";

/** What a machine says of itself when it asks to be enrolled. */
export interface DeviceRequest {
  readonly identity: string;
  readonly name: string;
  readonly platform: string;
  readonly agentVersion: string;
}

/** A machine that waits for its owner's word. */
export interface DeviceGrant {
  readonly request: DeviceRequest;
  /** 8 letters. */
  readonly userCode: string;
  /** Where the request came from. */
  readonly address: string;
  /** How long ago it was opened, ms. */
  readonly age: () => number;
}

export type DeviceCodes =
  | { readonly type: "granted"; readonly deviceCode: string; readonly grant: DeviceGrant }
  /** Too many codes are open: of this address, or in all. */
  | { readonly type: "full"; readonly of: "address" | "everybody" };

export type Decision = { readonly type: "approved"; readonly account: string } | { readonly type: "denied" };

export type GrantPoll =
  /** Told once: the code is spent. */
  | { readonly type: "approved"; readonly grant: DeviceGrant; readonly account: string }
  | { readonly type: "authorization_pending" }
  | { readonly type: "slow_down" }
  | { readonly type: "access_denied" }
  | { readonly type: "expired_token" }
  | { readonly type: "unknown" };

interface Entry {
  readonly grant: DeviceGrant;
  /** As in `addressGroup`: counted with every code that anybody asks for. */
  readonly group: string;
  decision: Decision | { readonly type: "pending" };
  intervalMs: number;
  polledAtMs: number;
}

/**
 * Device codes that are open (RFC 8628), in memory: they live for minutes, and a machine whose code is gone with a
 * restart asks for another. Codes are held by their digests.
 */
export class DeviceGrants {
  readonly #clock: Clock;
  readonly #newSecret: (prefix: string) => string;
  readonly #byDeviceCode = new Map<string, Entry>();
  readonly #byUserCode = new Map<string, Entry>();
  readonly #shared: SharedEntries | undefined;

  /** @param shared where other coordinators have the same codes; absent = there are none */
  constructor(clock: Clock, newSecret: (prefix: string) => string, shared?: SharedEntries) {
    this.#clock = clock;
    this.#newSecret = newSecret;
    this.#shared = shared;
    shared?.listen({ put: (key, value) => this.#heard(key, value), remove: (key) => this.#drop(key) });
  }

  /** Opens a pair of codes. */
  open(request: DeviceRequest, address: string): DeviceCodes {
    this.#forget();
    const full = this.#full(address);
    if (full !== undefined) return { type: "full", of: full };
    // Twice 192 bits: whoever has it gets the machine's token.
    const deviceCode = this.#newSecret("hd-") + this.#newSecret("");
    const grant = {
      request,
      userCode: this.#freeUserCode(),
      address,
      age: startAge(this.#clock),
    };
    const { pollIntervalMs: intervalMs } = ENROLMENT_LIMITS;
    const entry: Entry = {
      grant,
      group: addressGroup(address),
      decision: { type: "pending" },
      intervalMs,
      polledAtMs: Number.NEGATIVE_INFINITY,
    };
    this.#add(secretDigest(deviceCode), entry);
    this.#share(secretDigest(deviceCode), entry);
    return { type: "granted", deviceCode, grant };
  }

  /** The machine that waits under this code (8 letters). */
  find(userCode: string): DeviceGrant | undefined {
    return this.#pending(userCode)?.grant;
  }

  /** Answers the machine that waits under this code. @returns it, unless nobody waits (any more) */
  decide(userCode: string, decision: Decision): DeviceGrant | undefined {
    const entry = this.#pending(userCode);
    if (entry === undefined) return undefined;
    entry.decision = decision;
    for (const [key, each] of this.#byDeviceCode) if (each === entry) this.#share(key, entry);
    return entry.grant;
  }

  /** A machine asks whether it may. */
  poll(deviceCode: string): GrantPoll {
    const key = secretDigest(deviceCode);
    const entry = this.#byDeviceCode.get(key);
    if (entry === undefined) return { type: "unknown" };
    if (this.#expired(entry)) return { type: "expired_token" };
    const { grant, decision } = entry;
    switch (decision.type) {
      case "pending":
        return { type: this.#tooSoon(entry) ? "slow_down" : "authorization_pending" };
      case "denied":
        return { type: "access_denied" };
      case "approved":
        this.#remove(key, entry);
        this.#shared?.remove(key);
        return { type: "approved", grant, account: decision.account };
    }
  }

  /** Takes back that a code is spent: what it was spent on did not come about. */
  restore(deviceCode: string, grant: DeviceGrant, account: string): void {
    const { pollIntervalMs: intervalMs } = ENROLMENT_LIMITS;
    const decision = { type: "approved", account } as const;
    const group = addressGroup(grant.address);
    const entry: Entry = { grant, group, decision, intervalMs, polledAtMs: this.#clock.now() };
    this.#add(secretDigest(deviceCode), entry);
    this.#share(secretDigest(deviceCode), entry);
  }

  /** @param entry as other coordinators are to have it */
  #share(key: string, { grant, decision }: Entry): void {
    if (this.#shared === undefined) return;
    const { request, userCode, address } = grant;
    const openedAtMs = this.#clock.wallTime() - grant.age();
    const until = openedAtMs + 2 * ENROLMENT_LIMITS.codeLifetimeMs;
    this.#shared.put(key, { request, userCode, address, openedAtMs, decision } satisfies SharedGrant, until);
  }

  #heard(key: string, value: unknown): void {
    const shared = readShared(value);
    if (shared === undefined) return;
    const { decision, openedAtMs, ...told } = shared;
    const known = this.#byDeviceCode.get(key);
    if (known !== undefined) {
      known.decision = decision;
      return;
    }
    const since = startAge(this.#clock);
    const before = Math.max(0, this.#clock.wallTime() - openedAtMs);
    const grant: DeviceGrant = { ...told, age: () => before + since() };
    const group = addressGroup(told.address);
    const { pollIntervalMs: intervalMs } = ENROLMENT_LIMITS;
    this.#add(key, { grant, group, decision, intervalMs, polledAtMs: Number.NEGATIVE_INFINITY });
  }

  #drop(key: string): void {
    const entry = this.#byDeviceCode.get(key);
    if (entry !== undefined) this.#remove(key, entry);
  }

  #tooSoon(entry: Entry): boolean {
    const now = this.#clock.now();
    const early = now - entry.polledAtMs < entry.intervalMs - ENROLMENT_LIMITS.pollToleranceMs;
    entry.polledAtMs = now;
    if (early) entry.intervalMs += ENROLMENT_LIMITS.slowDownMs;
    return early;
  }

  #pending(userCode: string): Entry | undefined {
    const entry = this.#byUserCode.get(secretDigest(userCode));
    return entry?.decision.type === "pending" && !this.#expired(entry) ? entry : undefined;
  }

  #expired({ grant }: Entry): boolean {
    return grant.age() >= ENROLMENT_LIMITS.codeLifetimeMs;
  }

  #full(address: string): "address" | "everybody" | undefined {
    let open = 0;
    let here = 0;
    const group = addressGroup(address);
    for (const entry of this.#byDeviceCode.values()) {
      if (this.#expired(entry)) continue;
      open += 1;
      if (entry.group === group) here += 1;
    }
    if (here >= ENROLMENT_LIMITS.openCodesPerAddress) return "address";
    return open >= ENROLMENT_LIMITS.openCodes ? "everybody" : undefined;
  }

  #freeUserCode(): string {
    let code: string;
    do code = drawUserCode(() => this.#newSecret(""));
    while (this.#byUserCode.has(secretDigest(code)));
    return code;
  }

  /** An expired code is remembered for as long as it lived, so that its machine hears what became of it. */
  #forget(): void {
    for (const [key, entry] of this.#byDeviceCode) {
      if (entry.grant.age() >= 2 * ENROLMENT_LIMITS.codeLifetimeMs) this.#remove(key, entry);
    }
  }

  #add(key: string, entry: Entry): void {
    this.#byDeviceCode.set(key, entry);
    this.#byUserCode.set(secretDigest(entry.grant.userCode), entry);
  }

  #remove(key: string, entry: Entry): void {
    this.#byDeviceCode.delete(key);
    this.#byUserCode.delete(secretDigest(entry.grant.userCode));
  }
}
