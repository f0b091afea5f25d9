import type { Slot } from "@hearth/protocol";
import type { Provider } from "../../fleet/provider.js";
import { estimateRates } from "../hardware-estimate.js";
import type { EvidenceSettings } from "./settings.js";

/** The parts of the wait for a first content, ms each. */
export interface WaitTerms {
  /** The connection, and the backend's overhead before it reads the prompt. */
  readonly connect: number;
  /** Loading the model. */
  readonly load: number;
  /** Writing tokens for other requests first. */
  readonly ahead: number;
  readonly prefill: number;
}

/** Measured values of a machine with a model; `undefined` = not measured yet. */
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

/** A model on a machine, with its slot as last reported. Looked up once, because every choice asks all machines. */
export interface Server {
  readonly provider: Provider;
  readonly model: string;
  readonly slot: Slot | undefined;
}

/** A request, and the load that it would meet on a machine. */
export interface Meeting extends Server {
  readonly promptTokens: number;
  /** Tokens that the machine has to write for others first. */
  readonly tokensAhead: number;
  /** Other requests that run there. */
  readonly beside: number;
}

/** How long a first content will take, by values that were measured, else told by the machine, else assumed. */
export function waitTerms(meeting: Meeting, measured: Measured, settings: EvidenceSettings): WaitTerms {
  const { promptTokens, tokensAhead } = meeting;
  return {
    connect: measured.connectMs ?? settings.assumedConnectMs,
    load: loadMs(meeting, measured, settings),
    ahead: tokensAhead === 0 ? 0 : (tokensAhead * 1_000) / effectiveTps(meeting, settings),
    prefill: (promptTokens * 1_000) / prefillTps(meeting, measured, settings),
  };
}

/** How fast a machine writes an answer beside the other requests that it runs, tokens a second. */
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
