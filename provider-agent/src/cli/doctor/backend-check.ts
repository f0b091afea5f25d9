import type { BackendReport } from "../ports.js";
import { type Check, fail, ok, skipped } from "./check.js";

/** Models that are named when there are more, at most. */
const NAMED_MODELS = 5;

/** Each backend by its own name: whether it answers, and has what is named for it. */
export const backendCheck: Check = {
  id: "backend",
  title: "Backends and models",
  async run({ settings, ports }, signal) {
    if (settings === undefined) return skipped("the configuration is invalid");
    const reports = await ports.probeBackends(settings, signal);
    const broken = reports.flatMap((report) => brokenBy(report) ?? []);
    if (broken.length > 0) {
      return fail(broken.map(({ said }) => said).join("; "), broken.map(({ fix }) => fix).join(" "));
    }
    const models = reports.flatMap((report) => report.models);
    if (models.length === 0) return fail("no backend serves a model", "Load a model in your model server.");
    const named = models.slice(0, NAMED_MODELS).join(", ");
    return ok(`${models.length} model${models.length === 1 ? "" : "s"}: ${named}`);
  },
};

interface Broken {
  readonly said: string;
  readonly fix: string;
}

/** No key, or one that it does not take. */
const REFUSED: ReadonlySet<string> = new Set(["HTTP 401", "HTTP 403"]);

function brokenBy({ name, problem, missing, key }: BackendReport): Broken | undefined {
  if (problem !== undefined) return { said: `${name}: ${problem}`, fix: fixOf(name, problem, key) };
  if (missing.length === 0) return undefined;
  const ids = missing.join(", ");
  const correct = key === undefined ? "leave it out" : `correct ${key}.models with 'hearth-agent config edit'`;
  return {
    said: `${name} does not have ${ids}`,
    fix: `Install or load ${ids} there, or ${correct}: it is not advertised.`,
  };
}

function fixOf(name: string, problem: string, key: string | undefined): string {
  const set = (member: string, value: string): string =>
    key === undefined ? "" : `, or correct it: hearth-agent config set ${key}.${member} ${value}`;
  if (REFUSED.has(problem)) return `Give the key of ${name}${set("key_env", "VARIABLE")}.`;
  if (problem.endsWith(" is not there")) return `Put the file there${set("model_path", "FILE")}.`;
  if (problem.includes("@hearth/engine")) return "Start a model server, or: npm install -g @hearth/engine";
  return `Start ${name}${set("url", "URL")}.`;
}
