import { AgentError } from "../platform/agent-error.js";

const LOOPBACK = /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;

const HTTP_OF: Readonly<Record<string, string>> = {
  "ws:": "http:",
  "wss:": "https:",
  "http:": "http:",
  "https:": "https:",
};

/**
 * Where a coordinator answers HTTP, from the URL that its providers dial: `wss://hearth.example/ws/provider` →
 * `https://hearth.example`.
 *
 * @param insecure let a token travel unencrypted to another machine
 * @throws AgentError `config_invalid` for what is no such URL, and for an unencrypted one to another machine
 */
export function coordinatorOrigin(coordinator: string, insecure: boolean): string {
  const url = URL.canParse(coordinator) ? new URL(coordinator) : undefined;
  const protocol = HTTP_OF[url?.protocol ?? ""];
  if (url === undefined || protocol === undefined) {
    throw new AgentError("config_invalid", "The coordinator's URL must begin with ws:// or wss://.");
  }
  if (protocol === "http:" && !insecure && !LOOPBACK.test(url.hostname)) {
    throw new AgentError(
      "config_invalid",
      `${url.protocol}//${url.host} is not encrypted, and this machine's token would travel readable: use wss://, or --insecure on a network that you trust.`,
    );
  }
  return `${protocol}//${url.host}`;
}
