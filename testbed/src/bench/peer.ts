import type { Endpoint } from "./job.js";
import type { Process } from "./spawn.js";

/** Stands in the headers of a peer for where the stub is, as a base URL: `http://127.0.0.1:PORT/v1`. */
const UPSTREAM = "{upstream}";

/** Another gateway of this machine, which its user has started. */
export interface Peer {
  /** @param upstream the stub's base URL */
  target(upstream: string): { readonly port: number; readonly endpoint: Endpoint; readonly front?: Process };
}

/**
 * Reads where a peer is from the environment: `PEER_URL`, the base URL of its API on 127.0.0.1; `PEER_HEADERS`, a JSON
 * object of what it wants to be told; `PEER_PID`, whose CPU counts.
 *
 * @returns `undefined` where there is none
 * @throws Error that says what is wrong with a variable
 */
export function peerOf(env: Readonly<Record<string, string | undefined>>): Peer | undefined {
  const { PEER_URL: base, PEER_HEADERS: told = "{}", PEER_PID: pid } = env;
  if (base === undefined || base === "") return undefined;
  const url = URL.canParse(base) ? new URL(base) : undefined;
  if (url?.protocol !== "http:" || url.hostname !== "127.0.0.1") {
    throw new Error("PEER_URL has to be of the form http://127.0.0.1:PORT/v1");
  }
  const headers = headersIn(told);
  const front = pid === undefined ? {} : { front: processOf(Number(pid)) };
  return {
    target(upstream) {
      const filled = Object.entries(headers).map(([name, value]) => [name, value.replaceAll(UPSTREAM, upstream)]);
      const path = `${url.pathname.replace(/\/$/, "")}/chat/completions`;
      return { port: Number(url.port || 80), endpoint: { path, headers: Object.fromEntries(filled) }, ...front };
    },
  };
}

function headersIn(json: string): Readonly<Record<string, string>> {
  try {
    const value: unknown = JSON.parse(json);
    const isText = (each: unknown): boolean => typeof each === "string" && !/[\r\n]/.test(each);
    if (typeof value === "object" && value !== null && Object.values(value).every(isText)) {
      return value as Record<string, string>;
    }
  } catch {
    // Said below.
  }
  throw new Error("PEER_HEADERS has to be a JSON object of texts");
}

/** Of a process that the bench has not started, only its number is of use. */
function processOf(pid: number): Process {
  if (!Number.isInteger(pid) || pid < 1) throw new Error("PEER_PID has to be the number of a process");
  return {
    name: "peer",
    pid,
    line: () => Promise.reject(new Error("not ours")),
    ended: () => undefined,
    stop: async () => {},
  };
}
