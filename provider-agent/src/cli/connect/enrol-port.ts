import type { Clock } from "@hearth/platform";
import type { AgentSettings } from "../../config.js";
import { coordinatorOrigin } from "../../enrol/coordinator-origin.js";
import type { MachineDescription } from "../../enrol/form-client.js";
import { HttpFormClient } from "../../enrol/form-client.js";
import { type LoginResult, login } from "../../enrol/login.js";
import { loginWithToken } from "../../enrol/login-with-token.js";
import { logout } from "../../enrol/logout.js";
import { TokenStore } from "../../enrol/token-store.js";
import { AGENT_VERSION } from "../../version.js";
import type { EnrolPort, LoginRequest } from "../ports.js";

export interface EnrolDeps {
  readonly clock: Clock;
  /** As in `register`. */
  readonly identity: (settings: AgentSettings) => Promise<string> | string;
}

/** Logging in over HTTP, whose token is kept before anybody hears of it. */
export function enrolPort({ clock, identity }: EnrolDeps): EnrolPort {
  const http = new HttpFormClient(clock);
  const originOf = ({ settings, insecure }: LoginRequest): string => coordinatorOrigin(firstOf(settings), insecure);
  const describe = async ({ settings }: LoginRequest): Promise<MachineDescription> => ({
    identity: await identity(settings),
    name: settings.name,
    platform: process.platform,
    agentVersion: AGENT_VERSION,
  });
  const kept = ({ settings }: LoginRequest, origin: string, result: LoginResult): LoginResult => {
    if (result.type === "issued") storeOf(settings).save(origin, result.machine);
    return result;
  };
  return {
    async login(request, show, signal) {
      const origin = originOf(request);
      const machine = await describe(request);
      return kept(request, origin, await login({ origin, machine, clock, http, show }, signal));
    },
    async redeem(request, enrolmentToken, signal) {
      const origin = originOf(request);
      const machine = await describe(request);
      return kept(request, origin, await loginWithToken({ origin, machine, enrolmentToken, http }, signal));
    },
    logout: (request, signal) => {
      return logout({ origin: originOf(request), tokens: storeOf(request.settings), http }, signal);
    },
  };
}

/** One logs in to the coordinator that is tried first. */
const firstOf = ({ coordinators }: AgentSettings): string => coordinators[0] ?? "";

const storeOf = ({ dataDir, name }: LoginRequest["settings"]): TokenStore => new TokenStore(dataDir, name);
