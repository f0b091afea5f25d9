import { z } from "zod";
import { type Config, readConfig } from "../config.js";
import { findAdminKey } from "../secrets.js";
import type { CliContext } from "./context.js";
import { CommandError, EXIT } from "./exit.js";
import { harmless } from "./table.js";

/** How long an answer is waited for, ms: an operator's question may go through the whole database. */
const TIMEOUT_MS = 60_000;
/** Of one page of a list. */
const PAGE = 1_000;

/** What is asked of one route. */
export interface Ask {
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: object;
  /** What is sent twice with it is done once. */
  readonly idempotencyKey?: string;
}

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** A list as the routes give it. */
export interface ListAnswer {
  readonly object: "list";
  readonly data: readonly unknown[];
  readonly last_id: string | null;
  readonly has_more: boolean;
}

const pageSchema = z.object({ data: z.array(z.unknown()), last_id: z.string().nullable(), has_more: z.boolean() });
const refusalSchema = z.object({ error: z.object({ message: z.string() }) });

/** The routes under `/admin` of a coordinator that runs: what it answers, or a `CommandError` with its own words. */
export class AdminApi {
  readonly base: string;
  readonly #key: string;

  /** @param base without a slash at its end */
  constructor(base: string, key: string) {
    this.base = base;
    this.#key = key;
  }

  async ask(method: Method, path: string, { query = {}, body, idempotencyKey }: Ask = {}): Promise<unknown> {
    const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const search = given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
    const response = await this.#fetch(`${this.base}/admin${path}${search}`, {
      method,
      headers: {
        Authorization: `Bearer ${this.#key}`,
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...(idempotencyKey !== undefined && { "Idempotency-Key": idempotencyKey }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // The key is for this address alone, and a redirection would make a GET of a POST.
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = jsonOf(response.text);
    if (response.ok && answer !== undefined) return answer;
    throw this.#refusal(response.status, answer);
  }

  /** All pages of a list, as one. */
  async list(path: string, query: Ask["query"] = {}): Promise<ListAnswer> {
    const data: unknown[] = [];
    for (let after: string | undefined; ; ) {
      const page = readAnswer(
        pageSchema,
        await this.ask("GET", path, { query: { ...query, limit: `${PAGE}`, after } }),
      );
      data.push(...page.data);
      if (!page.has_more || page.last_id === null) {
        return { object: "list", data, last_id: page.last_id, has_more: false };
      }
      after = page.last_id;
    }
  }

  async #fetch(url: string, init: RequestInit) {
    try {
      const response = await fetch(url, init);
      return { status: response.status, ok: response.ok, text: await response.text() };
    } catch (cause) {
      if (cause instanceof DOMException && cause.name === "TimeoutError") {
        const seconds = TIMEOUT_MS / 1000;
        const words = `The coordinator at ${this.base} has not answered for ${seconds} seconds: whether it did what was asked for is not known.`;
        throw new CommandError(EXIT.away, words, { cause });
      }
      throw new CommandError(
        EXIT.away,
        `No coordinator answers at ${this.base} (${faultOf(cause)}): it has to run, and --url or HEARTH_URL says where.`,
        { cause },
      );
    }
  }

  #refusal(status: number, answer: unknown): CommandError {
    const refusal = refusalSchema.safeParse(answer);
    if (!refusal.success) {
      const words = `What answers at ${this.base} is no coordinator (status ${status}): see --url and HEARTH_URL.`;
      return new CommandError(EXIT.config, words);
    }
    const message = harmless(refusal.data.error.message);
    if (status !== 401) return new CommandError(EXIT.failed, message);
    return new CommandError(
      EXIT.config,
      `The coordinator at ${this.base} does not take this key: ${message}\nHEARTH_ADMIN_KEY, or else the file admin-key in HEARTH_DATA_DIR, has to be the one that it runs with.`,
    );
  }
}

/** A part of a path that somebody has typed. @throws CommandError for what would lead elsewhere */
export function segment(id: string): string {
  if (id !== "" && id !== "." && id !== "..") return encodeURIComponent(id);
  throw new CommandError(EXIT.config, `'${id}' names nothing.`);
}

/** @throws CommandError for what is not as this program knows it */
export function readAnswer<T>(schema: z.ZodType<T>, answer: unknown): T {
  const read = schema.safeParse(answer);
  if (read.success) return read.data;
  const words = "The coordinator's answer is none that this command knows: are the two of one version? See --json.";
  throw new CommandError(EXIT.failed, words, { cause: read.error });
}

/** @throws CommandError for what no header can say */
export function requireHeaderText(name: string, value: string): void {
  if (/^[ -~]{1,255}$/.test(value)) return;
  throw new CommandError(EXIT.config, `${name} must be 1 to 255 printable ASCII characters.`);
}

export interface AddressOptions {
  readonly url?: string;
  readonly insecure?: boolean;
}

/** @throws CommandError where there is no address or no key; ConfigError */
export function openAdminApi({ env }: CliContext, options: AddressOptions): AdminApi {
  const config = readConfig(env);
  const base = baseOf(config, options);
  const key = findAdminKey(config);
  if (key === undefined) {
    const words = `There is no key: set HEARTH_ADMIN_KEY, or HEARTH_DATA_DIR to the coordinator's data directory (${config.dataDir} has no admin-key).`;
    throw new CommandError(EXIT.config, words);
  }
  requireHeaderText("The operator's key", key);
  return new AdminApi(base, key);
}

const LOOPBACK = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

function baseOf(config: Config, { url: given, insecure = false }: AddressOptions): string {
  const said = given ?? config.commandUrl;
  if (said === undefined) return ownAddress(config);
  const url = URL.canParse(said) ? new URL(said) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    throw new CommandError(EXIT.config, "--url must be an address like https://hearth.example.");
  }
  if (url.protocol === "http:" && !insecure && !LOOPBACK.test(url.hostname)) {
    throw new CommandError(
      EXIT.config,
      `${url.origin} is not encrypted, and the operator's key would travel readable: use https://, or --insecure on a network that you trust.`,
    );
  }
  return url.origin + url.pathname.replace(/\/+$/, "");
}

/** Where the coordinator with these variables listens: on this machine. */
function ownAddress({ adminAddress, ...config }: Config): string {
  const { host, port } = adminAddress ?? config;
  if (port === 0) {
    const name = adminAddress === undefined ? "HEARTH_PORT" : "HEARTH_ADMIN_PORT";
    throw new CommandError(EXIT.config, `${name} is 0: --url or HEARTH_URL says where it listens.`);
  }
  const reached = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${reached.includes(":") ? `[${reached}]` : reached}:${port}`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `fetch` hides why it failed behind "fetch failed". */
function faultOf(error: unknown): string {
  const { cause } = error as { readonly cause?: NodeJS.ErrnoException };
  return cause?.code ?? cause?.message ?? (error instanceof Error ? error.message : String(error));
}
