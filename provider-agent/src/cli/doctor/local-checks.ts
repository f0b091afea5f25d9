import { existsSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { describeFault } from "@hearth/platform";
import { AgentError } from "../../platform/agent-error.js";
import { requireDataDirectory } from "../../platform/data-directory.js";
import { lockHolder } from "../../supervisor/agent-lock.js";
import type { TemplateVerdict } from "../ports.js";
import { type Check, fail, ok, skipped, warn } from "./check.js";

/** `engines` of the package. */
const LEAST_NODE = [20, 19] as const;
/** Identity, token, state and log need little, bytes. */
const LEAST_DISK_BYTES = 200 << 20;

export const nodeCheck: Check = {
  id: "node",
  title: "Node.js",
  async run() {
    const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
    const isEnough = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
    const said = `v${process.versions.node}`;
    return isEnough ? ok(said) : fail(said, `Install Node.js ${LEAST_NODE.join(".")} or newer: https://nodejs.org`);
  },
};

export const configCheck: Check = {
  id: "config",
  title: "Configuration",
  async run({ settings, configPath, configProblem }) {
    if (settings === undefined) return fail(configProblem ?? "invalid", "Mend it with 'hearth-agent config edit'.");
    return existsSync(configPath) ? ok(configPath) : ok(`no ${configPath}; defaults hold`);
  },
};

export const dataDirCheck: Check = {
  id: "data_dir",
  title: "Data directory",
  async run({ settings, platform }) {
    if (settings === undefined) return skipped("the configuration is invalid");
    const { dataDir } = settings;
    if (!existsSync(dataDir)) return ok(`${dataDir} will be made`);
    const stat = statSync(dataDir);
    if (!stat.isDirectory()) return fail(`${dataDir} is no directory`, "Move it away, or name another data_dir.");
    const { mode, uid } = stat;
    const own = process.getuid?.();
    if (own !== undefined && own !== 0 && uid !== own) {
      return fail(`${dataDir} is another user's`, `Give it back: sudo chown -R "$USER" '${dataDir}'`);
    }
    try {
      requireDataDirectory(dataDir);
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      return fail(error.message, "Nothing in it has to be removed for that: what is there stays good.");
    }
    if (platform !== "win32" && (mode & 0o077) !== 0) {
      return warn(`${dataDir} is open to other users (${(mode & 0o777).toString(8)})`, `chmod -R go-rwx '${dataDir}'`);
    }
    return ok(dataDir);
  },
};

export const diskCheck: Check = {
  id: "disk",
  title: "Disk space",
  async run({ settings }) {
    if (settings === undefined) return skipped("the configuration is invalid");
    let folder = settings.dataDir;
    while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    const said = `${(free / 2 ** 30).toFixed(1)} GiB free for ${settings.dataDir}`;
    return free >= LEAST_DISK_BYTES
      ? ok(said)
      : fail(said, "Free some space: the agent keeps its identity and state there.");
  },
};

export const serviceCheck: Check = {
  id: "service",
  title: "Service",
  async run({ initSystem, settings }) {
    if (initSystem === undefined) return skipped("there are no services on this platform");
    const state = await initSystem.state();
    const holder = settings && lockHolder(settings.dataDir, settings.name);
    switch (state.type) {
      case "not_installed":
        return ok("not installed; 'hearth-agent install' starts the agent when you log in");
      case "stopped":
        return warn(
          `stopped (${state.detail})`,
          "'hearth-agent start' starts it; 'hearth-agent logs' says why it ended.",
        );
      case "running":
        if (
          holder !== undefined &&
          state.pid !== undefined &&
          initSystem.kind === "systemd" &&
          holder.pid !== state.pid
        ) {
          const said = `the service runs (process ${state.pid}), and so does another agent (process ${holder.pid})`;
          return warn(said, "Stop the other: only one of them serves.");
        }
        return ok(`running, by ${initSystem.kind}`);
    }
  },
};

const countOf = (checked: number): string =>
  checked === 0 ? "no model files where they are looked for (models.dirs names more folders)" : `${checked} checked`;

export const templateCheck: Check = {
  id: "templates",
  title: "Chat templates",
  async run({ settings, ports }, signal) {
    if (settings === undefined) return skipped("the configuration is invalid");
    const reports = await (await ports.models()).check(settings, [], signal);
    const ids = (wanted: TemplateVerdict): string =>
      reports.flatMap(({ id, verdict }) => (verdict === wanted ? [id] : [])).join(", ");
    const [refused, suspected] = [ids("refused"), ids("suspected")];
    const fix = "These models are not sent any requests: their servers refuse every conversation.";
    if (refused !== "") return warn(`refused: ${refused}`, fix);
    const doubt = suspected === "" ? "" : `; suspected, and sent requests: ${suspected} ('hearth-agent models check')`;
    return ok(countOf(reports.length) + doubt);
  },
};

const NO_HELPER =
  "Build the Secure Enclave helper (provider-agent/enclave/README.md) and name it: hearth-agent config set attestation.enclave_helper FILE. The machine is a new one to the coordinator then.";
const KEEP_KEY = "Mend that and leave the key file where it is: it is the machine's identity.";
const BROKEN_HELPER =
  "Build the helper anew (provider-agent/enclave/README.md), correct attestation.enclave_helper or HEARTH_ENCLAVE_HELPER, or unset both for a key in a file.";

export const attestationCheck: Check = {
  id: "attestation",
  title: "Attestation key",
  async run({ settings, ports, platform }) {
    if (settings === undefined) return skipped("the configuration is invalid");
    const { dataDir, enclaveHelper } = settings;
    try {
      const { key_storage: storage } = await (await ports.attest()).show(settings);
      if (storage === "secure_enclave") return ok(`signs, in the Secure Enclave, by ${enclaveHelper}`);
      if (platform !== "darwin") return ok("signs: a software key, in a file for you only");
      return warn("signs: a software key, in a file for you only; this Mac can do better", NO_HELPER);
    } catch (error) {
      const said = error instanceof AgentError ? error.message : (describeFault(error).code ?? "it does not sign");
      if (error instanceof AgentError && error.code === "data_unusable") return fail(said, KEEP_KEY);
      if (enclaveHelper !== undefined) return fail(said, BROKEN_HELPER);
      // Only a key that is really spoilt is worth a new identity.
      if (!(error instanceof AgentError && error.code === "config_invalid")) return fail(said, KEEP_KEY);
      return fail(
        said,
        `Move the key file in ${dataDir} away: a new one is made, and the machine is a new one to the coordinator.`,
      );
    }
  },
};
