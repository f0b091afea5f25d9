import { createHmac } from "node:crypto";
import type { OutboxMessage } from "../store/ledger-store.js";

/** Where somebody listens to what happens. */
export interface WebhookTarget {
  readonly url: string;
  /** Of the signatures: `whsec_` and base64, as Standard Webhooks has it; absent = none are made. */
  readonly secret?: string | undefined;
  /** `slack`: words for people, in the form that Slack and others take. */
  readonly format: WebhookFormat;
}

export const WEBHOOK_FORMATS = ["json", "slack"] as const;
export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number];

/** A message in words. */
export type MessageWords = (kind: string, data: Readonly<Record<string, unknown>>) => string;

export interface WebhookRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What is posted for a message, signed as Standard Webhooks says (https://www.standardwebhooks.com). */
export function webhookRequest(
  { secret, format }: Pick<WebhookTarget, "secret" | "format">,
  message: Pick<OutboxMessage, "id" | "kind" | "payload" | "createdAtMs">,
  { words, nowMs }: { readonly words: MessageWords; readonly nowMs: number },
): WebhookRequest {
  const { id } = message;
  const body = bodyOf(format, message, words);
  const sentAt = Math.floor(nowMs / 1_000);
  const headers = { "Content-Type": "application/json", "webhook-id": id, "webhook-timestamp": String(sentAt) };
  if (secret === undefined) return { headers, body };
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${sentAt}.${body}`).digest("base64");
  return { headers: { ...headers, "webhook-signature": `v1,${signature}` }, body };
}

function bodyOf(
  format: WebhookFormat,
  { kind, payload, createdAtMs }: Pick<OutboxMessage, "kind" | "payload" | "createdAtMs">,
  words: MessageWords,
): string {
  const data = JSON.parse(payload) as Readonly<Record<string, unknown>>;
  switch (format) {
    case "json":
      return JSON.stringify({ type: kind, timestamp: new Date(createdAtMs).toISOString(), data });
    case "slack":
      return JSON.stringify({ text: words(kind, data) });
  }
}
