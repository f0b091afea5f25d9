import { lookup } from "node:dns/promises";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { describeFault } from "@hearth/platform";
import { SUBPROTOCOL } from "@hearth/protocol";
import { type Check, type CheckResult, fail, ok, skipped, warn } from "./check.js";
import { type Dialling, dial } from "./dial.js";

/** Challenges and attestations carry times, and are refused when these are off by 2 min, ms. */
const MAX_SKEW_MS = 120_000;
const WARN_SKEW_MS = 30_000;

/** Name, TLS and WebSocket of each coordinator, tried as the agent would. */
export const coordinatorCheck: Check = {
  id: "coordinator",
  title: "Coordinator reachable",
  async run({ settings }, signal) {
    if (settings === undefined) return skipped("the configuration is invalid");
    const tried = await Promise.all(settings.coordinators.map((url) => tryCoordinator(url, signal)));
    const broken = tried.filter(({ status }) => status !== "ok");
    const [first] = broken;
    if (first === undefined) return ok(tried.map(({ detail }) => detail).join("; "));
    if (broken.length < tried.length && first.status === "fail") return warn(first.detail, first.fix);
    return first;
  },
};

async function tryCoordinator(url: string, signal: AbortSignal): Promise<CheckResult> {
  const { hostname } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) === 0) {
    try {
      await lookup(host);
    } catch (error) {
      const { code } = describeFault(error);
      return fail(
        `${host} has no address (${code})`,
        "Check the coordinator's URL, and this machine's network and DNS.",
      );
    }
  }
  return openSocket(url, signal);
}

function openSocket(url: string, signal: AbortSignal): Promise<CheckResult> {
  const late = fail(`${url} does not answer in time`, "Check the URL, firewalls and proxies in between.");
  const listen: Dialling["listen"] = (socket, end) => {
    socket.on("open", () => end(ok(`${url} speaks ${socket.protocol}`)));
    socket.on("unexpected-response", (_request, response) => {
      const fix =
        "The URL must end in the coordinator's provider path, usually /ws/provider, and no proxy may stop WebSockets.";
      end(fail(`${url} answers HTTP ${response.statusCode} instead of a WebSocket`, fix));
    });
    socket.on("error", (error) => end(connectionProblem(url, error)));
  };
  return dial(url, { late, listen }, signal);
}

function connectionProblem(url: string, error: Error): CheckResult {
  const { code, name } = describeFault(error);
  const said = `${url}: ${code ?? name}`;
  if (code === "ECONNREFUSED")
    return fail(said, "Nothing listens there: check host and port, and whether the coordinator runs.");
  if (code?.includes("CERT") || code?.includes("SELF_SIGNED") || code?.startsWith("ERR_TLS")) {
    return fail(
      said,
      "The certificate is not accepted: check the host name and the clock; a private CA goes into NODE_EXTRA_CA_CERTS.",
    );
  }
  if (code === undefined)
    return fail(`${url}: no ${SUBPROTOCOL} there`, "The server is not a Hearth coordinator of this version.");
  return fail(said, "Check this machine's network, and firewalls and proxies in between.");
}

/** The clock, against the `Date` of the coordinator's HTTP answers (RFC 9110 §6.6.1: whole seconds). */
export const clockCheck: Check = {
  id: "clock",
  title: "Clock",
  async run({ settings, wallClock }, signal) {
    if (settings === undefined) return skipped("the configuration is invalid");
    const date = await dateOf(settings.coordinators[0] ?? "", signal);
    if (date === undefined) return skipped("the coordinator tells no time");
    const skewMs = wallClock() - date;
    // The header has whole seconds.
    if (Math.abs(skewMs) < 1_500) return ok("goes with the coordinator's");
    const said = `${(Math.abs(skewMs) / 1000).toFixed(0)} s ${skewMs < 0 ? "behind" : "ahead of"} the coordinator`;
    const fix = "Set this machine's clock by network time: attestations with a wrong time are refused.";
    if (Math.abs(skewMs) > MAX_SKEW_MS) return fail(said, fix);
    return Math.abs(skewMs) > WARN_SKEW_MS ? warn(said, fix) : ok(said);
  },
};

function dateOf(coordinator: string, signal: AbortSignal): Promise<number | undefined> {
  const url = new URL("/livez", coordinator.replace(/^ws/, "http"));
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    const outgoing = request(url, { method: "HEAD", signal, agent: false }, (response) => {
      response.resume();
      const date = Date.parse(response.headers.date ?? "");
      resolve(Number.isNaN(date) ? undefined : date);
    });
    outgoing.on("error", () => resolve(undefined));
    outgoing.end();
  });
}
