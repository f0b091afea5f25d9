import { arch, cpus, platform, totalmem } from "node:os";
import { CLOSE_CODES, closeReason, encodeControl, type RegisterFrame, SUPPORTED_VERSIONS } from "@hearth/protocol";
import type { AgentSettings } from "../../config.js";
import { AGENT_VERSION } from "../../version.js";
import type { Introduction } from "../ports.js";
import { type Check, type CheckResult, type CheckSubject, fail, ok, skipped } from "./check.js";
import { type Dialling, dial } from "./dial.js";

const NEW_TOKEN = "Run 'hearth-agent login'; where HEARTH_PROVIDER_TOKEN is set, correct or unset it first.";

/**
 * Whether there is a token, and each coordinator accepts it. It is sent as at registration, up to the coordinator's
 * challenge, which comes only after the token was accepted. Leaving that unanswered registers nothing, so a running
 * agent of this identity is not replaced. That the token could not be tried is reported by other checks.
 */
export const tokenCheck: Check = {
  id: "token",
  title: "Provider token",
  async run(subject, signal) {
    const { settings, env, ports } = subject;
    if (settings === undefined) {
      return env["HEARTH_PROVIDER_TOKEN"] ? ok("from HEARTH_PROVIDER_TOKEN") : skipped("the configuration is invalid");
    }
    const tokens = settings.coordinators.map((url) => ({ url, token: tokenFor(subject, settings, url) }));
    const there = tokens.filter((each): each is TokenOf => each.token !== undefined);
    if (there.length === 0) return fail("there is none", "Run 'hearth-agent login', or set HEARTH_PROVIDER_TOKEN.");
    const from = env["HEARTH_PROVIDER_TOKEN"] ? "from HEARTH_PROVIDER_TOKEN" : `kept in ${settings.dataDir}`;
    let introduction: Introduction;
    try {
      introduction = await (await ports.attest()).introduce(settings);
    } catch {
      return ok(`${from}; not tried, for this machine cannot say who it is`);
    }
    const tried = await Promise.all(
      there.map((each) => tryToken(each, registerFrame(settings, introduction, each), signal)),
    );
    const refused = tried.find((result) => result.status === "fail");
    if (refused !== undefined) return refused;
    const untried = tried.find((result) => result.status === "skipped");
    return untried === undefined ? ok(`${from}, and accepted`) : ok(`${from}; not tried: ${untried.detail}`);
  },
};

interface TokenOf {
  readonly url: string;
  readonly token: string;
}

function tokenFor({ env, ports }: CheckSubject, { name, dataDir }: AgentSettings, coordinator: string) {
  return env["HEARTH_PROVIDER_TOKEN"] || ports.tokens.read({ coordinator, name, dataDir });
}

function registerFrame({ name }: AgentSettings, introduction: Introduction, { token }: TokenOf): RegisterFrame {
  return {
    type: "register",
    versions: { ...SUPPORTED_VERSIONS },
    token,
    agent: { name, version: AGENT_VERSION },
    ...introduction,
    hardware: { platform: platform(), arch: arch(), cpu_cores: cpus().length || 1, memory_bytes: totalmem() },
    models: [],
    slots: [],
    paused: true,
  };
}

function tryToken({ url }: TokenOf, frame: RegisterFrame, signal: AbortSignal): Promise<CheckResult> {
  const listen: Dialling["listen"] = (socket, end) => {
    socket.on("open", () => socket.send(encodeControl(frame)));
    // Any first answer means that the token is good.
    socket.once("message", () => end(ok(url)));
    socket.on("close", (code) => end(refusalOf(url, code)));
    socket.on("error", () => end(skipped(`${url} cannot be reached`)));
  };
  return dial(url, { late: skipped(`${url} does not answer in time`), listen }, signal);
}

function refusalOf(url: string, code: number): CheckResult {
  switch (code) {
    case CLOSE_CODES.unauthorized:
      return fail(
        `${url} refuses it: it was revoked, or replaced by another log-in, or is another machine's`,
        NEW_TOKEN,
      );
    case CLOSE_CODES.untrusted:
      return fail(
        `${url} does not believe this machine's proof`,
        "Run 'hearth-agent attest show', and ask its operator.",
      );
    case CLOSE_CODES.version_unsupported:
      return fail(
        `${url} speaks no protocol version of this agent's`,
        "Install a newer agent: npm install -g @hearth/provider-agent",
      );
    default:
      return skipped(`${url} closed the connection (${closeReason(code) ?? code})`);
  }
}
