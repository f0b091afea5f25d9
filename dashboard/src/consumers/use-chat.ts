import { useCallback, useRef, useState } from "react";
import { type AnswerSource, type ChatMessage, type ChatUsage, chat } from "../api/chat.js";
import { ApiError } from "../api/errors.js";

export interface Turn {
  readonly id: number;
  readonly asked: string;
  readonly reasoning: string;
  readonly text: string;
  readonly state: "waiting" | "streaming" | "done" | "stopped" | "failed";
  readonly source?: AnswerSource;
  readonly usage?: ChatUsage;
  readonly finish?: string;
  readonly error?: ApiError;
  /** From the press of the button, as this browser measured it, ms. */
  readonly firstMs?: number;
  readonly totalMs?: number;
}

export interface Asking {
  readonly model: string;
  readonly system: string;
  readonly maxTokens: number | undefined;
}

export interface Chat {
  readonly turns: readonly Turn[];
  readonly running: boolean;
  readonly ask: (text: string, asking: Asking) => Promise<void>;
  readonly stop: () => void;
  readonly clear: () => void;
}

/** A conversation, which is in this page and nowhere else. */
export function useChat(): Chat {
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const [running, setRunning] = useState<AbortController>();
  const next = useRef(0);
  const ask = useCallback(
    async (text: string, asking: Asking) => {
      const abort = new AbortController();
      const turn: Turn = { id: next.current++, asked: text, reasoning: "", text: "", state: "waiting" };
      const change = (changes: (turn: Turn) => Partial<Turn>): void =>
        setTurns((all) => all.map((each) => (each.id === turn.id ? { ...each, ...changes(each) } : each)));
      setTurns((all) => [...all, turn]);
      setRunning(abort);
      await answer({ messages: messagesOf(turns, text, asking.system), asking, change, signal: abort.signal });
      setRunning(undefined);
    },
    [turns],
  );
  return { turns, running: running !== undefined, ask, stop: () => running?.abort(), clear: () => setTurns([]) };
}

function messagesOf(turns: readonly Turn[], text: string, system: string): ChatMessage[] {
  const before = turns.filter(({ state }) => state === "done" || state === "stopped");
  return [
    ...(system.trim() === "" ? [] : [{ role: "system", content: system } as const]),
    ...before.flatMap((turn) => [
      { role: "user", content: turn.asked } as const,
      { role: "assistant", content: turn.text } as const,
    ]),
    { role: "user", content: text },
  ];
}

interface Answering {
  readonly messages: readonly ChatMessage[];
  readonly asking: Asking;
  readonly change: (changes: (turn: Turn) => Partial<Turn>) => void;
  readonly signal: AbortSignal;
}

async function answer({ messages, asking, change, signal }: Answering): Promise<void> {
  const startedAt = performance.now();
  const elapsed = (): number => performance.now() - startedAt;
  try {
    for await (const event of chat({ model: asking.model, messages, maxTokens: asking.maxTokens }, signal)) {
      if (event.type === "text") {
        const member = event.isReasoning ? "reasoning" : "text";
        change((turn) => ({
          state: "streaming",
          firstMs: turn.firstMs ?? elapsed(),
          [member]: turn[member] + event.text,
        }));
      } else if (event.type === "source") change(() => ({ source: event.source }));
      else if (event.type === "usage") change(() => ({ usage: event.usage }));
      else change(() => ({ finish: event.reason }));
    }
    change(() => ({ state: "done", totalMs: elapsed() }));
  } catch (thrown) {
    if (signal.aborted) change(() => ({ state: "stopped", totalMs: elapsed() }));
    else change(() => ({ state: "failed", error: ApiError.from(thrown), totalMs: elapsed() }));
  }
}
