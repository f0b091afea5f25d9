/** What to run, and how. */
export interface EngineOptions {
  /** A GGUF file. */
  readonly modelPath: string;
  /** The name by which requests ask for the model. */
  readonly modelId: string;
  /** Threads that compute: by default 1 for a tiny model, otherwise one less than there are cores, at most 16. */
  readonly threads?: number;
  /**
   * Tokens of prompt and answer that each slot holds: by default 8,192, or as many as fit the machine. Never more than
   * the model was trained for.
   */
  readonly contextTokens?: number;
  /** Answers that are generated at the same time; 4 by default. */
  readonly slots?: number;
  /** Called once when an engine that was ready has ended, for whatever reason. */
  readonly onExit?: (exit: EngineExit) => void;
  /** Gets llama.cpp's errors, line by line. They never hold text of a request. */
  readonly log?: (line: string) => void;
}

/** `stopped`: by {@link Engine.stop}. `crashed`: on its own or by somebody else. */
export type EngineExit =
  | { readonly type: "stopped" }
  | { readonly type: "crashed"; readonly exitCode: number | null; readonly signal: NodeJS.Signals | null };

/** A model that runs in a child process, behind an OpenAI-compatible server on this machine's loopback. */
export interface Engine extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/v1` */
  readonly baseUrl: string;
  /** To be sent as `Authorization: Bearer`; new for each engine. */
  readonly apiKey: string;
  readonly pid: number;
  /** Gives running answers up and ends the child, by force if it takes more than five seconds. Never rejects. */
  stop(): Promise<void>;
}
