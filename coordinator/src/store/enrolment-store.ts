/** How a machine came by its token. */
export type EnrolmentMethod = "device_code" | "enrolment_token";

/** A machine that may connect for an account. Its token is known by its digest only. */
export interface Machine {
  /** `mach_…`; one enrolment, so a machine that enrols again gets a new one. */
  readonly id: string;
  readonly account: string;
  /** What the machine must present at registration: 43 characters. */
  readonly identity: string;
  readonly name: string;
  readonly platform: string;
  readonly agentVersion: string;
  readonly method: EnrolmentMethod;
  /** SHA-256, hex. */
  readonly tokenDigest: string;
  /** Wall-clock ms, as all times here. */
  readonly createdAtMs: number;
  readonly lastSeenAtMs: number | undefined;
  readonly revokedAtMs: number | undefined;
}

/** A machine that is about to be enrolled. */
export type NewMachine = Omit<Machine, "lastSeenAtMs" | "revokedAtMs">;

/** A one-use token for a machine without anybody in front of it. */
export interface EnrolmentToken {
  /** `et_…` */
  readonly id: string;
  readonly account: string;
  /** SHA-256, hex. */
  readonly tokenDigest: string;
  readonly note: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly usedAtMs: number | undefined;
  readonly revokedAtMs: number | undefined;
}

export type NewEnrolmentToken = Omit<EnrolmentToken, "usedAtMs" | "revokedAtMs">;

export type AddMachineResult =
  /** `replaced`: the same account's earlier enrolment of this identity, revoked in the same transaction. */
  | { readonly type: "added"; readonly machine: Machine; readonly replaced: Machine | undefined }
  | { readonly type: "account_full" };

export type MoveMachineResult =
  /** `replaced`: the new owner's own enrolment of this identity, revoked in the same transaction. */
  | {
      readonly type: "moved";
      readonly machine: Machine;
      /** Whose it was. */
      readonly from: string;
      readonly replaced: Machine | undefined;
    }
  | { readonly type: "account_full" }
  /** There is no such machine, or it is revoked. */
  | { readonly type: "unknown" };

export type RedeemResult =
  | AddMachineResult
  | { readonly type: "unknown" }
  | { readonly type: "used" }
  | { readonly type: "expired" }
  | { readonly type: "revoked" };

export interface MoveMachine {
  readonly id: string;
  /** Whose it is to be. */
  readonly account: string;
  readonly maxPerAccount: number;
  readonly atMs: number;
}

/** One page of a list, oldest first. */
export interface Page {
  /** Only this account's; absent = everybody's. */
  readonly account?: string | undefined;
  readonly limit: number;
  /** The id that the page before ended with. */
  readonly after?: string | undefined;
}

/** Rows of each kind that one `prune` removes at most. */
export const ENROLMENT_PRUNE_BATCH = 1_000;

/** Who may connect. What is here holds also when several coordinators use it at once. */
export interface EnrolmentStore {
  /** Enrols a machine, unless its account has `maxPerAccount` others already. */
  addMachine(machine: NewMachine, maxPerAccount: number): Promise<AddMachineResult>;
  /** Spends a token for a machine. Of any number of attempts with one token one succeeds; `account_full` spends nothing. */
  redeem(tokenDigest: string, machine: Omit<NewMachine, "account">, maxPerAccount: number): Promise<RedeemResult>;
  /** Every machine that is not revoked. */
  activeMachines(): Promise<readonly Machine[]>;
  /** Revoked ones too, until they are pruned. */
  listMachines(page: Page): Promise<readonly Machine[]>;
  /** @returns the machine; `undefined` when there is no such, it is another account's, or revoked already */
  revokeMachine(id: string, atMs: number, account?: string): Promise<Machine | undefined>;
  /** Gives a machine to another account, unless that has `maxPerAccount` others already. Its token stays good. */
  moveMachine(move: MoveMachine): Promise<MoveMachineResult>;
  /** Notes when machines were last seen: id → wall-clock ms. */
  touch(seen: ReadonlyMap<string, number>): Promise<void>;
  /** Adds all or none; none when the account would have more than `maxUnused` tokens that can still be used. */
  addTokens(tokens: readonly NewEnrolmentToken[], maxUnused: number): Promise<"added" | "account_full">;
  listTokens(page: Page): Promise<readonly EnrolmentToken[]>;
  /** @returns whether there was such a token that could still be used */
  revokeToken(id: string, atMs: number, account?: string): Promise<boolean>;
  /**
   * Forgets machines revoked, and tokens used, revoked or expired before then, at most `ENROLMENT_PRUNE_BATCH` of each.
   *
   * @returns the most it has forgotten of one kind
   */
  prune(beforeMs: number): Promise<number>;
}
