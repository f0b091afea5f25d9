import type { Slot } from "@hearth/protocol";
import type { Provider } from "../../fleet/provider.js";
import { estimateRates } from "../hardware-estimate.js";
import type { EvidenceSettings } from "./settings.js";

/** What a first content is waited for, ms each. */
export interface WaitTerms {
  /** The connection, and what a backend does before it looks at the prompt. */
  readonly connect: number;
  /** The model, to be loaded. */
  readonly load: number;
  /** Tokens that are written for others first. */
  readonly ahead: number;
  readonly prefill: number;
}

/** What has been measured of a machine with a model; absent = not yet. */
export interface Measured {
  readonly connectMs: number | undefined;
  readonly loadMs: number | undefined;
  /** Tokens a second. */
  readonly prefillTps: number | undefined;
}

export const NOTHING_MEASURED: Measured = { connectMs: undefined, loadMs: undefined, prefillTps: undefined };

/** Whether a machine has a model in memory. */
export type Warmth = "warm" | "cold" | "unknown";

export function warmthOf(slot: Slot | undefined): Warmth {
  if (slot === undefined) return "unknown";
  return slot.state === "running" || slot.state === "idle" ? "warm" : "cold";
}

/** A model on a machine, and its slot as it was last told: looked up once, because every machine of a model is asked. */
export interface Server {
  readonly provider: Provider;
  readonly model: string;
  readonly slot: Slot | undefined;
}

/** A request as it meets a machine. */
export interface Meeting extends Server {
  readonly promptTokens: number;
  /** Tokens that the machine has to write for others first. */
  readonly tokensAhead: number;
  /** What runs on it beside. */
  readonly beside: number;
}

/** How long a first content will take, from what is known: measured here, else told by the machine, else assumed. */
export function waitTerms(meeting: Meeting, measured: Measured, settings: EvidenceSettings): WaitTerms {
  const { promptTokens, tokensAhead } = meeting;
  return {
    connect: measured.connectMs ?? settings.assumedConnectMs,
    load: loadMs(meeting, measured, settings),
    ahead: tokensAhead === 0 ? 0 : (tokensAhead * 1_000) / effectiveTps(meeting, settings),
    prefill: (promptTokens * 1_000) / prefillTps(meeting, measured, settings),
  };
}

/** How fast a machine writes an answer beside what runs on it, tokens a second. */
function effectiveTps({ provider, model, slot, beside }: Meeting, settings: EvidenceSettings): number {
  const alone = slot?.decode_tps || estimateRates(provider, model)?.decodeTps || settings.assumedDecodeTps;
  return Math.max(settings.leastTps, alone) / (1 + settings.decodeInterference * beside);
}

/** How fast a machine reads a prompt, tokens a second. */
export function prefillTps(
  { provider, model, slot }: Server,
  { prefillTps: observed }: Measured,
  settings: EvidenceSettings,
): number {
  const tps = observed || slot?.prefill_tps || estimateRates(provider, model)?.prefillTps || settings.assumedPrefillTps;
  return Math.max(settings.leastTps, tps);
}

function loadMs({ provider, model, slot }: Server, measured: Measured, settings: EvidenceSettings): number {
  switch (warmthOf(slot)) {
    case "warm":
      return 0;
    case "unknown":
      return settings.unknownStateMs;
    case "cold": {
      if (measured.loadMs !== undefined) return measured.loadMs;
      const weights = provider.models.get(model)?.weights_bytes;
      return weights ? (weights * 1_000) / settings.loadBytesPerSecond : settings.assumedLoadMs;
    }
  }
}

export const sumOf = ({ connect, load, ahead, prefill }: WaitTerms): number => connect + load + ahead + prefill;
