import { fingerprintOf } from "@hearth/attestation";
import { z } from "zod";
import { checkBody, readJson } from "../../api/check-body.js";
import { ENROLMENT_LIMITS } from "../../enrolment/enrolment-limits.js";
import type { EnrolmentToken, Machine } from "../../store/enrolment-store.js";

const account = z.string().min(1).max(128);

const pageSchema = z.object({
  account: account.optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  after: z.string().min(1).max(128).optional(),
});

/** What a list's query says. */
export type PageQuery = z.infer<typeof pageSchema>;

/** @throws HearthError `invalid_request` that names the member */
export function readPage(query: Readonly<Record<string, string>>): PageQuery {
  return checkBody(pageSchema, query);
}

const orderSchema = z.object({
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

/** A machine as operators and owners see it. */
export function describeMachine(machine: Machine): object {
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
    created_at: seconds(machine.createdAtMs),
    last_seen_at: seconds(machine.lastSeenAtMs),
    revoked_at: seconds(machine.revokedAtMs),
  };
}

/** An enrolment token as operators and owners see it: never the token itself. */
export function describeToken(token: EnrolmentToken, nowMs: number): object {
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

function statusOf({ usedAtMs, revokedAtMs, expiresAtMs }: EnrolmentToken, nowMs: number): string {
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
