import type { IncomingMessage } from "node:http";
import { readBody } from "../read-body.js";

/** Members of a form, or of a flat JSON object; empty ones count as absent (RFC 6749 §3.1). */
export type Parameters = Readonly<Record<string, string>>;

export type ReadParameters =
  | { readonly type: "read"; readonly parameters: Parameters }
  | { readonly type: "invalid"; readonly problem: string };

/** Bytes of a form: nothing that belongs into one comes near. */
const MAX_BYTES = 8 * 1024;

/**
 * Reads `application/x-www-form-urlencoded`, as RFC 6749 wants it, or JSON.
 *
 * @throws HearthError `payload_too_large`, `cancelled`
 */
export async function readParameters(incoming: IncomingMessage): Promise<ReadParameters> {
  const type = (incoming.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
  const text = (await readBody(incoming, MAX_BYTES)).toString("utf8");
  switch (type) {
    case "application/x-www-form-urlencoded":
      return fromForm(text);
    case "application/json":
      return fromJson(text);
  }
  return invalid("The content type must be application/x-www-form-urlencoded or application/json.");
}

function fromForm(text: string): ReadParameters {
  const parameters: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    if (value === "") continue;
    if (name in parameters) return invalid("A parameter comes twice.");
    parameters[name] = value;
  }
  return { type: "read", parameters };
}

function fromJson(text: string): ReadParameters {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return invalid("The body is not JSON.");
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) return invalid("The body is no JSON object.");
  const parameters: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(json)) {
    if (typeof value !== "string") return invalid("Every member of the body must be a string.");
    if (value !== "") parameters[name] = value;
  }
  return { type: "read", parameters };
}

function invalid(problem: string): ReadParameters {
  return { type: "invalid", problem };
}
