import type { Usage } from "@hearth/protocol";
import { parseJson, readUsage } from "./token-usage.js";

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

  /** Takes what was counted elsewhere. */
  count(usage: Usage | undefined): void {
    this.#usage = usage ?? this.#usage;
  }

  #data(data: string): void {
    if (data === "[DONE]") {
      this.done = true;
      return;
    }
    this.#events += 1;
    // Only these need parsing: the first few until there is content, and the ones that may count tokens.
    if (this.sawContent && !data.includes('"usage"')) return;
    const value = parseJson(data);
    if (typeof value !== "object" || value === null) return;
    const { choices, usage } = value as { readonly choices?: unknown; readonly usage?: unknown };
    this.sawContent ||= Array.isArray(choices) && hasContent(choices[0]);
    this.count(readUsage(usage));
  }
}

/** A choice of a chat chunk has a delta, one of a text completion has text. */
function hasContent(choice: unknown): boolean {
  if (typeof choice !== "object" || choice === null) return false;
  const { delta, text } = choice as { readonly delta?: object | null; readonly text?: unknown };
  if (typeof text === "string" && text !== "") return true;
  return Object.entries(delta ?? {}).some(([key, value]) => key !== "role" && value !== null && value !== "");
}
