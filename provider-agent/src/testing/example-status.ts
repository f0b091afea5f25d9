import type { AgentStatus } from "../local/agent-status.js";

/** An agent in the middle of its work. */
export function exampleStatus(changes: Partial<AgentStatus> = {}): AgentStatus {
  return {
    name: "studio",
    version: "0.1.0",
    pid: 4711,
    started_at: "2026-01-05T08:00:00.000Z",
    activity: { type: "serving", running: 2 },
    connection: {
      type: "registered",
      coordinator: "wss://hearth.example/ws/provider",
      provider_id: "prv_bOreFxvKzzJxx2FX",
      since: "2026-01-05T08:00:01.000Z",
    },
    trust: { level: "self_attested", mismatches: [] },
    models: [
      { id: "qwen3-8b", state: "running", running: 2, waiting: 0, decode_tps: 61.4, template_ok: true },
      { id: "gemma-3-27b", state: "idle_shutdown", running: 0, waiting: 0, decode_tps: null, template_ok: true },
    ],
    totals: { served: 1284, failed: 3, cancelled: 41, prompt_tokens: 5_210_331, completion_tokens: 871_250 },
    tokens_per_second: 122.8,
    earned_micro_usd: null,
    machine: { chip: "Apple M4 Max", memory_bytes: 137_438_953_472, thermal: "nominal" },
    ...changes,
  };
}
