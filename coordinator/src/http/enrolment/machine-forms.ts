import { fingerprintOf } from "@hearth/attestation";
import { type Reputation, reputationSchema } from "@hearth/protocol";
import { z } from "zod";
import { readJson } from "../../api/check-body.js";
import { ENROLMENT_LIMITS } from "../../enrolment/enrolment-limits.js";
import type { EnrolmentToken, Machine } from "../../store/enrolment-store.js";

const account = z.string().min(1).max(128);

export const orderSchema = z.object({
  account: account.optional(),
  /** Seconds. */
  expires_in: z
    .number()
    .int()
    .min(60)
    .max(ENROLMENT_LIMITS.maxTokenLifetimeMs / 1000)
    .default(ENROLMENT_LIMITS.defaultTokenLifetimeMs / 1000),
  count: z.number().int().min(1).max(ENROLMENT_LIMITS.tokensPerOrder).default(1),
  note: z.string().max(256).default(""),
});

/** What somebody who wants enrolment tokens says. */
export type TokenOrderBody = z.infer<typeof orderSchema>;

/** @throws HearthError `invalid_request` that names the member */
export function readTokenOrder(body: Buffer): TokenOrderBody {
  return body.length === 0 ? orderSchema.parse({}) : readJson(orderSchema, body);
}

const time = z.int().meta({ description: "Seconds since 1970." });

/** A machine as operators and owners see it. */
export const machineSchema = z.object({
  id: z.string(),
  object: z.literal("machine"),
  account: z.string(),
  status: z.enum(["active", "revoked"]),
  identity: z.string(),
  fingerprint: z.string(),
  name: z.string(),
  platform: z.string(),
  agent_version: z.string(),
  method: z.enum(["device_code", "enrolment_token"]),
  provider: z
    .string()
    .nullable()
    .meta({ description: "Its id among providers; `null` = it is neither connected nor expected back." }),
  reputation: reputationSchema.nullable().meta({ description: "As `GET /v1/me/providers` tells it of that provider." }),
  created_at: time,
  last_seen_at: time.nullable(),
  revoked_at: time.nullable(),
});

/** How a machine stands as the provider that it is now. */
export interface MachineStanding {
  readonly provider: string;
  readonly reputation: Reputation;
}

export function describeMachine(
  machine: Machine,
  standing: MachineStanding | undefined,
): z.infer<typeof machineSchema> {
  const { id, account, identity, name, platform, method } = machine;
  return {
    id,
    object: "machine",
    account,
    status: machine.revokedAtMs === undefined ? "active" : "revoked",
    identity,
    fingerprint: fingerprintOf(identity),
    name,
    platform,
    agent_version: machine.agentVersion,
    method,
    provider: standing?.provider ?? null,
    reputation: standing?.reputation ?? null,
    created_at: seconds(machine.createdAtMs),
    last_seen_at: seconds(machine.lastSeenAtMs),
    revoked_at: seconds(machine.revokedAtMs),
  };
}

/** An enrolment token as operators and owners see it: never the token itself. */
export const tokenSchema = z.object({
  id: z.string(),
  object: z.literal("enrolment_token"),
  account: z.string(),
  status: z.enum(["unused", "used", "revoked", "expired"]),
  note: z.string(),
  created_at: time,
  expires_at: time,
  used_at: time.nullable(),
  revoked_at: time.nullable(),
});

/** One that has just been made: the one time that it is told. */
export const newTokenSchema = tokenSchema
  .pick({ id: true, object: true, account: true, note: true, expires_at: true })
  .extend({ status: z.literal("unused"), token: z.string() });

export function describeToken(token: EnrolmentToken, nowMs: number): z.infer<typeof tokenSchema> {
  const { id, account, note } = token;
  return {
    id,
    object: "enrolment_token",
    account,
    status: statusOf(token, nowMs),
    note,
    created_at: seconds(token.createdAtMs),
    expires_at: seconds(token.expiresAtMs),
    used_at: seconds(token.usedAtMs),
    revoked_at: seconds(token.revokedAtMs),
  };
}

function statusOf(
  { usedAtMs, revokedAtMs, expiresAtMs }: EnrolmentToken,
  nowMs: number,
): z.infer<typeof tokenSchema>["status"] {
  if (usedAtMs !== undefined) return "used";
  if (revokedAtMs !== undefined) return "revoked";
  return expiresAtMs <= nowMs ? "expired" : "unused";
}

/** Seconds since 1970, as everywhere in this API. */
function seconds(ms: number): number;
function seconds(ms: number | undefined): number | null;
function seconds(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.floor(ms / 1000);
}
