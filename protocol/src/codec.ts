import type { z } from "zod";
import { type CoordinatorFrame, coordinatorFrameSchema } from "./coordinator-frames.js";
import { frequentCoordinatorFrame, frequentProviderFrame } from "./frequent-frames.js";
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
  return decode(text, providerFrameSchema, PROVIDER_TYPES, frequentProviderFrame);
}

/** Reads a message that a coordinator sent. */
export function decodeCoordinatorFrame(text: string): Decoded<CoordinatorFrame> {
  return decode(text, coordinatorFrameSchema, COORDINATOR_TYPES, frequentCoordinatorFrame);
}

/** Reads the first message of a connection, which must be `register`. */
export function decodeRegister(text: string): Decoded<RegisterFrame> {
  return decode(text, registerSchema, REGISTER_TYPES);
}

const PROVIDER_TYPES = new Set<string>(providerFrameSchema.options.map((option) => option.shape.type.value));
const COORDINATOR_TYPES = new Set<string>(coordinatorFrameSchema.options.map((option) => option.shape.type.value));
const REGISTER_TYPES = new Set<string>(["register"]);

/** @param frequent reads the frames of some types faster than the schema; `undefined` = it does not know */
function decode<F>(
  text: string,
  schema: z.ZodType<F>,
  types: ReadonlySet<string>,
  frequent: (value: { readonly [member: string]: unknown }) => F | undefined = () => undefined,
): Decoded<F> {
  if (text.length > LIMITS.frameBytes) return { kind: "malformed", problem: "frame too large" };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "malformed", problem: "not JSON" };
  }
  if (!isObject(value) || typeof value["type"] !== "string") return { kind: "malformed", problem: "no frame type" };
  const frame = frequent(value);
  if (frame !== undefined) return { kind: "frame", frame };
  const frameType = value["type"];
  if (!types.has(frameType)) return { kind: "unknown", frameType: frameType.slice(0, 64) };
  const parsed = schema.safeParse(value);
  if (parsed.success) return { kind: "frame", frame: parsed.data };
  return { kind: "malformed", problem: describe(frameType, parsed.error) };
}

const isObject = (value: unknown): value is { readonly [member: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Names the field and the rule, never the value: a malformed frame may hold secrets. */
function describe(frameType: string, error: z.ZodError): string {
  const issue = error.issues[0];
  return `${frameType}.${issue?.path.join(".") ?? ""}: ${issue?.code ?? "invalid"}`;
}
