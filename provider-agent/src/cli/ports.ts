import type { Finding, Posture } from "@hearth/attestation";
import type { AttestationProof, RegisterFrame } from "@hearth/protocol";
import type { ModelBench } from "../bench/run-bench.js";
import type { ConfiguredKind } from "../config/backend-config.js";
import type { AgentConfig, AgentSettings, TokenPlace } from "../config.js";
import type { LoginResult } from "../enrol/login.js";
import type { LogoutResult } from "../enrol/logout.js";
import type { ProgramLog } from "../platform/logger.js";

/** A server that answered on one of the usual ports. */
export interface FoundBackend {
  readonly kind: ConfiguredKind;
  readonly url: string;
  readonly models: readonly string[];
}

/** How a configured backend answers. */
export interface BackendReport {
  /** As its owner knows it: kind and address. */
  readonly name: string;
  readonly problem: string | undefined;
  readonly models: readonly string[];
  /** Models that are named for it and that neither it nor another backend has. */
  readonly missing: readonly string[];
  /** Where the configuration speaks of it, like `backends.0`; absent = nowhere: it was searched for. */
  readonly key?: string;
}

/** What this machine is, in brief. */
export interface MachineSummary {
  readonly chip: string;
  readonly cores: number;
  readonly memoryBytes: number;
}

/** A model on this machine's disk. */
export interface ModelReport {
  readonly id: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** Architecture, quantisation, context length. */
  readonly detail: string;
  /** Where it was computed before. */
  readonly weightsHash: string | undefined;
}

/** What a scan found, and what it could not read. */
export interface ScanResult {
  readonly models: readonly ModelReport[];
  readonly problems: readonly { readonly path: string; readonly problem: string }[];
}

/**
 * Whether a model's chat templates work, and by whose word. `rendered` and `refused` are proven, by the server that has
 * the model loaded; `passed` and `suspected` are what the agent's own renderer makes of them.
 */
export type TemplateVerdict = "rendered" | "refused" | "passed" | "suspected" | "unknown" | "unreadable";

export interface TemplateReport {
  readonly id: string;
  /** Absent = the server does not tell. */
  readonly path?: string;
  readonly verdict: TemplateVerdict;
  /** As the coordinator is told it: only what is `refused` is not; `undefined` = not known. */
  readonly ok: boolean | undefined;
  /** The server that was asked. */
  readonly server?: string;
  /** Tools need a string `type` in their schemas; absent = not known. */
  readonly needs_string_types?: boolean;
  /** System messages reach the model wherever they stand; absent = not known. */
  readonly system_anywhere?: boolean;
  /** What could not be read, and one for each template and fixture that the agent's own renderer failed on, with the line. */
  readonly problems: readonly string[];
}

/** The parts of the agent that commands use. `main.ts` connects them. */
export interface AgentPorts {
  /** Serves until the signal aborts. */
  runAgent(config: AgentConfig, log: ProgramLog, signal: AbortSignal): Promise<void>;
  describeMachine(): Promise<MachineSummary>;
  /** Asks the usual ports. Never rejects. */
  detectBackends(signal: AbortSignal): Promise<readonly FoundBackend[]>;
  /** Asks each configured backend. Never rejects. */
  probeBackends(settings: AgentSettings, signal: AbortSignal): Promise<readonly BackendReport[]>;
  readonly tokens: TokenVault;
  // Loaded when a command needs them.
  readonly models: () => Promise<ModelPort>;
  readonly bench: () => Promise<BenchPort>;
  readonly enrol: () => Promise<EnrolPort>;
  readonly attest: () => Promise<AttestPort>;
}

/** Where provider tokens of this machine are kept. */
export interface TokenVault {
  /** What logging in, or else the owner, left for this agent and coordinator. */
  read(place: TokenPlace): string | undefined;
  /** Keeps a token that the owner has, for every coordinator of this data directory. */
  write(dataDir: string, token: string): void;
  /** Forgets that one. @returns whether there was one */
  remove(dataDir: string): boolean;
}

export interface HashOptions {
  /** Hears the share that is done, 0 to 1. */
  readonly progress: (share: number) => void;
  readonly signal: AbortSignal;
}

export interface ModelPort {
  /** Model files in the folders of the configuration and where the usual programs keep them. */
  scan(settings: AgentSettings, signal: AbortSignal): Promise<ScanResult>;
  /**
   * @param model path or id
   * @throws AgentError when there is no such model, or it cannot be read
   */
  hash(
    settings: AgentSettings,
    model: string,
    options: HashOptions,
  ): Promise<{ readonly path: string; readonly sha256: string }>;
  /**
   * Renders the templates of models, and asks the servers that have them loaded.
   *
   * @param names paths or ids; none = all that are found, and all that are served
   * @throws AgentError when there is no such model
   */
  check(settings: AgentSettings, names: readonly string[], signal: AbortSignal): Promise<readonly TemplateReport[]>;
}

export interface BenchPort {
  run(
    settings: AgentSettings,
    options: {
      readonly models: readonly string[];
      /** Share done, 0 to 1, and what is being done. */
      readonly progress: (share: number, what: string) => void;
    },
    signal: AbortSignal,
  ): Promise<readonly ModelBench[]>;
}

/** What logging in needs to know. */
export interface LoginRequest {
  readonly settings: AgentSettings;
  /** Let the token travel unencrypted. */
  readonly insecure: boolean;
}

export interface EnrolPort {
  /** @param show hears the code and the page to open */
  login(request: LoginRequest, show: (code: string, url: string) => void, signal: AbortSignal): Promise<LoginResult>;
  /** Uses a one-use enrolment token instead. */
  redeem(request: LoginRequest, enrolmentToken: string, signal: AbortSignal): Promise<LoginResult>;
  logout(request: LoginRequest, signal: AbortSignal): Promise<LogoutResult>;
}

/** What a machine proves of itself. */
export interface OwnProof {
  readonly identity: string;
  readonly key_storage: "software" | "secure_enclave";
  readonly agent_version: string;
  readonly posture: Posture;
  readonly attestation: AttestationProof;
}

/** What identifies this machine to a coordinator; the encryption key is made up and unused. */
export type Introduction = Pick<RegisterFrame, "identity" | "encryption_key"> & {
  readonly attestation: AttestationProof;
};

export interface AttestPort {
  /** @throws AgentError when it cannot sign */
  introduce(settings: AgentSettings): Promise<Introduction>;
  /** What this machine can prove now, as JSON, with a signature made for it. @throws AgentError when it cannot sign */
  show(settings: AgentSettings): Promise<OwnProof>;
  /**
   * @param document a receipt or attestations, as the coordinator gives them out
   * @throws AgentError `config_invalid` when it is neither
   */
  verify(document: unknown): readonly Finding[];
}
