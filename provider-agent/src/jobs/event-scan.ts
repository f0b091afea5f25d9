import type { Usage } from "@hearth/protocol";

/** What the agent itself needs from a backend's events. Everything else is the coordinator's to judge. */
export class EventScan {
  /** The backend's own end mark has come. */
  done = false;
  /** Something that is not a role or an id has come. */
  sawContent = false;
  #events = 0;
  #usage: Usage | undefined;

  /** @param events complete events */
  read(events: Uint8Array): void {
    for (const line of Buffer.from(events.buffer, events.byteOffset, events.byteLength).toString("utf8").split("\n")) {
      if (line.startsWith("data:")) this.#data(line.slice(5).trim());
    }
  }

  /** What the backend counted; where it counts nothing, one token an event. */
  get usage(): Usage {
    return this.#usage ?? { prompt_tokens: 0, completion_tokens: this.#events };
  }

  #data(data: string): void {
    if (data === "[DONE]") {
      this.done = true;
      return;
    }
    this.#events += 1;
    // Only these need parsing: the first few until there is content, and the ones that may count tokens.
    if (this.sawContent && !data.includes('"usage"')) return;
    const chunk = parse(data);
    this.sawContent ||= hasContent(chunk);
    this.#usage = usageOf(chunk.usage) ?? this.#usage;
  }
}

interface Chunk {
  readonly usage?: unknown;
  readonly choices?: readonly { readonly delta?: Readonly<Record<string, unknown>> | null }[];
}

function parse(data: string): Chunk {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

function hasContent({ choices }: Chunk): boolean {
  const delta = Array.isArray(choices) ? (choices[0] as { delta?: Record<string, unknown> } | undefined)?.delta : null;
  return Object.entries(delta ?? {}).some(([key, value]) => key !== "role" && value !== null && value !== "");
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function usageOf(value: unknown): Usage | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { prompt_tokens, completion_tokens, prompt_tokens_details } = value as Record<string, unknown>;
  if (!isCount(prompt_tokens)) return undefined;
  const cached = (prompt_tokens_details as { cached_tokens?: unknown } | null | undefined)?.cached_tokens;
  return {
    prompt_tokens,
    completion_tokens: isCount(completion_tokens) ? completion_tokens : 0,
    ...(isCount(cached) ? { cached_tokens: cached } : {}),
  };
}
