import { stringify } from "smol-toml";
import { SERVER_PROFILES } from "../backends/server-profiles.js";

const OTHER_SERVERS = SERVER_PROFILES.map(({ name }) => name).filter((name) => name !== "llama-server");
const OTHER_KINDS: readonly string[] = [...OTHER_SERVERS, "openai", "embedded", "owned-llama-server"];

/** What `init` decides; the rest stands in the file as comments. */
export interface InitialConfig {
  readonly name: string;
  readonly coordinators: readonly string[];
  /** Empty = whatever is found at each start. */
  readonly backends: readonly { readonly kind: string; readonly url?: string }[];
  readonly sharing: "everyone" | "owner_only";
}

/** A first configuration file, which explains itself. */
export function renderConfig({ name, coordinators, backends, sharing }: InitialConfig): string {
  const tables = backends.map((backend) => `[[backends]]\n${stringify(backend).trim()}\n`);
  const auto = `# Nothing is said here about backends: at each start the agent looks for servers on their usual ports.
# [[backends]]
# kind = "llama-server"   # or ${OTHER_KINDS.join(", ")}
# url = "http://127.0.0.1:9931/v1"
`;
  return `# Configuration of hearth-agent. 'hearth-agent config check' says what is wrong with it.

# By this name you know this machine among yours.
${stringify({ name }).trim()}
${stringify({ coordinators }).trim()}

${tables.length === 0 ? auto : tables.join("\n")}
[availability]
# "everyone", or "owner_only": then only your own requests run here.
${stringify({ sharing }).trim()}
# When the machine is available, in local time; without windows always.
# windows = ["mon-fri 22:00-07:00", "sat,sun 00:00-24:00"]
# Not while you use it, and for so long after; 0 = also while you use it.
# pause_when_active_minutes = 5
# pause_on_battery = true

[limits]
# max_concurrency = 2
# memory_percent = 80

# With a price, 'hearth-agent status' estimates what requests cost in electricity. extra_watts is what this machine
# draws more while they run; without it, what can be measured here.
# [electricity]
# usd_per_kwh = 0.30
# extra_watts = 120
`;
}
