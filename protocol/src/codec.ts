import type { z } from "zod";
import { type CoordinatorFrame, coordinatorFrameSchema } from "./coordinator-frames.js";
import { LIMITS } from "./limits.js";
import { type ProviderFrame, providerFrameSchema, type RegisterFrame, registerSchema } from "./provider-frames.js";

/** Everything that travels as JSON text. */
export type ControlFrame = RegisterFrame | ProviderFrame | CoordinatorFrame;

/** What a text message turned out to be. Frames of unknown type are to be ignored and counted, malformed ones to close. */
export type Decoded<F> =
  | { readonly kind: "frame"; readonly frame: F }
  | { readonly kind: "unknown"; readonly frameType: string }
  | { readonly kind: "malformed"; readonly problem: string };

/** Serialises a control frame. */
export function encodeControl(frame: ControlFrame): string {
  return JSON.stringify(frame);
}

/** Reads a message that a registered provider sent. */
export function decodeProviderFrame(text: string): Decoded<ProviderFrame> {
  return decode(text, providerFrameSchema, PROVIDER_TYPES);
}

/** Reads a message that a coordinator sent. */
export function decodeCoordinatorFrame(text: string): Decoded<CoordinatorFrame> {
  return decode(text, coordinatorFrameSchema, COORDINATOR_TYPES);
}

/** Reads the first message of a connection, which must be `register`. */
export function decodeRegister(text: string): Decoded<RegisterFrame> {
  return decode(text, registerSchema, REGISTER_TYPES);
}

const PROVIDER_TYPES = new Set<string>(providerFrameSchema.options.map((option) => option.shape.type.value));
const COORDINATOR_TYPES = new Set<string>(coordinatorFrameSchema.options.map((option) => option.shape.type.value));
const REGISTER_TYPES = new Set<string>(["register"]);

function decode<F>(text: string, schema: z.ZodType<F>, types: ReadonlySet<string>): Decoded<F> {
  if (text.length > LIMITS.frameBytes) return { kind: "malformed", problem: "frame too large" };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "malformed", problem: "not JSON" };
  }
  const frameType = typeOf(value);
  if (frameType === undefined) return { kind: "malformed", problem: "no frame type" };
  if (!types.has(frameType)) return { kind: "unknown", frameType: frameType.slice(0, 64) };
  const parsed = schema.safeParse(value);
  if (parsed.success) return { kind: "frame", frame: parsed.data };
  return { kind: "malformed", problem: describe(frameType, parsed.error) };
}

function typeOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const type = (value as { type?: unknown }).type;
  return typeof type === "string" ? type : undefined;
}

/** Names the field and the rule, never the value: a malformed frame may hold secrets. */
function describe(frameType: string, error: z.ZodError): string {
  const issue = error.issues[0];
  return `${frameType}.${issue?.path.join(".") ?? ""}: ${issue?.code ?? "invalid"}`;
}
