import {
  type AppOptions,
  type Config,
  type Coordinator,
  createLogger,
  readConfig,
  startCoordinator,
} from "@hearth/coordinator";
import { type Script, ScriptedProvider, type ScriptedProviderOptions } from "./scripted-provider.js";

export const API_KEY = "test-api-key-0123456789";
export const ADMIN_KEY = "test-admin-key-0123456789";
export const PROVIDER_TOKEN = "test-provider-token-0123456789";

/** A real coordinator in this process, on a port of its own, with the providers that joined it. */
export interface TestCoordinator extends AsyncDisposable {
  readonly coordinator: Coordinator;
  readonly url: string;
  provider(script: Script, options?: Partial<ScriptedProviderOptions>): Promise<ScriptedProvider>;
  /** `POST /v1/chat/completions` with the API key. */
  chat(body: unknown, init?: RequestInit): Promise<Response>;
  get(path: string, key?: string): Promise<Response>;
  /** The value of one metric, labels included in its name; 0 where it has never been counted. */
  metric(name: string): Promise<number>;
  /** The receipt of an answer, once it is no longer pending, as it is given out. */
  receipt(answer: Response): Promise<unknown>;
  stop(): Promise<void>;
}

interface Answered {
  readonly error?: { readonly code: string };
}

export async function startTestCoordinator(
  options: Partial<Omit<AppOptions, "config">> & { readonly config?: Partial<Config> } = {},
): Promise<TestCoordinator> {
  const config: Config = {
    ...readConfig({ HEARTH_PORT: "0" }),
    drainTimeoutMs: 200,
    lingerMs: 0,
    ...options.config,
  };
  const coordinator = await startCoordinator({
    log: createLogger("silent"),
    secrets: { apiKey: API_KEY, adminKey: ADMIN_KEY, providerToken: PROVIDER_TOKEN, generated: new Map() },
    ...options,
    config,
  });
  const { url } = coordinator;
  const wsUrl = `${url.replace("http", "ws")}/ws/provider`;
  const providers: ScriptedProvider[] = [];
  const stop = async (): Promise<void> => {
    for (const provider of providers) provider.terminate();
    await coordinator.stop();
  };
  const get = (path: string, key = API_KEY): Promise<Response> =>
    fetch(`${url}${path}`, { headers: { Authorization: `Bearer ${key}` } });
  return {
    coordinator,
    url,
    async provider(script, provided = {}) {
      const provider = await ScriptedProvider.connect({ url: wsUrl, token: PROVIDER_TOKEN, script, ...provided });
      providers.push(provider);
      return provider;
    },
    chat: (body, init = {}) =>
      fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        body: typeof body === "string" ? body : JSON.stringify(body),
        ...init,
        headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json", ...init.headers },
      }),
    get,
    async metric(name) {
      const lines = (await (await get("/metrics")).text()).split("\n");
      const line = lines.find((each) => each.startsWith(`${name} `));
      return line === undefined ? 0 : Number(line.slice(name.length + 1));
    },
    async receipt(answer) {
      for (;;) {
        const document = (await (await get(`/v1/receipts/${answer.headers.get("x-receipt-id")}`)).json()) as Answered;
        if (document.error?.code !== "receipt_pending") return document;
      }
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
