import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@hearth/platform";
import type { AgentSettings } from "../../config.js";
import type { ServerWord } from "../../models/ask-server.js";
import { checkModel, type ModelCheckReport, type ModelCheckRow } from "../../models/check-model.js";
import { findModel, hashModel, type ListedModel, listModels } from "../../models/list-models.js";
import { modelPlaces } from "../../models/model-places.js";
import { type ScannedModel, scanModels } from "../../models/scan-models.js";
import { WeightsHasher } from "../../models/weights-hash.js";
import { AgentError } from "../../platform/agent-error.js";
import type { ModelPort, TemplateReport, TemplateVerdict } from "../ports.js";
import { plainPath, type ServedModel, servedModels } from "./served-models.js";

export interface ModelPortDeps {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
}

/** An owner who asks has more patience than a start-up, ms. */
const CHECK_LIMIT_MS = 10_000;

/** Looks at model files as the agent does. */
export function modelPort({ clock, env, platform }: ModelPortDeps): ModelPort {
  const placesOf = ({ modelDirs }: AgentSettings): readonly string[] => [
    ...modelDirs,
    ...modelPlaces({ platform, home: homedir(), env }),
  ];
  const hasherOf = ({ dataDir }: AgentSettings): WeightsHasher =>
    new WeightsHasher({ cachePath: join(dataDir, "weights.json"), clock, pace: "full" });
  const scan = async (settings: AgentSettings, signal: AbortSignal): Promise<readonly ScannedModel[]> =>
    (await scanModels({ places: placesOf(settings), signal })).models;
  return {
    async scan(settings, signal) {
      const { models, problems } = await listModels({ places: placesOf(settings), signal }, hasherOf(settings));
      return { problems, models: models.map(reportOf) };
    },
    async hash(settings, model, { progress, signal }) {
      const path = existsSync(model) ? model : pathOf(model, await scan(settings, signal));
      const onProgress = ({
        doneBytes,
        totalBytes,
      }: {
        readonly doneBytes: number;
        readonly totalBytes: number;
      }): void => progress(totalBytes === 0 ? 1 : doneBytes / totalBytes);
      const hash = await hashModel(path, hasherOf(settings), { signal, onProgress });
      switch (hash.type) {
        case "hashed":
          return { path, sha256: hash.sha256 };
        case "cancelled":
          throw new AgentError("cancelled", "Cancelled.");
        case "failed":
          throw new AgentError("check_failed", `${path}: ${hash.problem}`);
      }
    },
    async check(settings, names, signal) {
      const isPath = names.length > 0 && names.every((name) => existsSync(name));
      const found = isPath ? [] : await scan(settings, signal);
      await using served = await servedModels(settings, clock, signal);
      const reports: TemplateReport[] = [];
      for (const { id, path, server } of await checkedModels(names, found, served.models)) {
        const options = { clock, limitMs: CHECK_LIMIT_MS, signal };
        const report = path === undefined ? undefined : await checkModel(path, options);
        const word = await server?.ask(signal);
        reports.push(templateReport({ id, ...(server && { server: server.server }) }, report, word));
      }
      return reports;
    },
  };
}

interface CheckedModel {
  readonly id: string;
  /** A file or folder on this machine. */
  readonly path?: string;
  readonly server?: ServedModel;
}

/** Those that are named, or all. A model that a server has under another name is known by its file. */
async function checkedModels(
  names: readonly string[],
  found: readonly ScannedModel[],
  served: readonly ServedModel[],
): Promise<readonly CheckedModel[]> {
  const ofFile = async (path: string): Promise<CheckedModel> => {
    const plain = await plainPath(path);
    const server = served.find((each) => each.path === plain);
    return { id: found.find((model) => model.path === path)?.id ?? path, path, ...(server && { server }) };
  };
  const ofServer = (server: ServedModel): CheckedModel => {
    const { id, path } = server;
    return path !== undefined && existsSync(path) ? { id, path, server } : { id, server };
  };
  if (names.length > 0) {
    return await Promise.all(
      names.map(async (name) => {
        const server = existsSync(name) ? undefined : served.find(({ id }) => id === name);
        return server === undefined ? await ofFile(pathIn(name, found)) : ofServer(server);
      }),
    );
  }
  const files = await Promise.all(found.map(({ path }) => ofFile(path)));
  const others = served.filter((server) => !files.some((file) => file.server === server));
  return [...files, ...others.map(ofServer)];
}

const pathIn = (name: string, found: readonly ScannedModel[]): string =>
  existsSync(name) ? name : pathOf(name, found);

function pathOf(model: string, found: readonly ScannedModel[]): string {
  const one = findModel(found, model);
  if (one !== undefined) return one.path;
  throw new AgentError(
    "check_failed",
    `No file, and no one model that was found, is called "${model}": see 'hearth-agent models scan'.`,
  );
}

function reportOf({
  id,
  path,
  weightsBytes,
  architecture,
  quantization,
  contextLength,
  vision,
  weightsHash,
}: ListedModel) {
  const context = contextLength === undefined ? undefined : `context ${contextLength}`;
  const detail = [architecture, quantization, context, vision ? "sees images" : undefined].filter(Boolean).join(", ");
  return { id, path, sizeBytes: weightsBytes, detail, weightsHash };
}

/** @param report absent = there is no file. @param word absent = no server has it loaded */
function templateReport(
  named: Pick<TemplateReport, "id" | "server">,
  report: ModelCheckReport | undefined,
  word: ServerWord | undefined,
): TemplateReport {
  const path = report ? { path: report.path } : {};
  const isUnreadable = report?.type === "unreadable";
  const checked = report?.type === "checked" ? report : undefined;
  const verdict = isUnreadable && word === undefined ? "unreadable" : verdictOf(checked, word);
  const needs = word?.needsStringTypes ?? checked?.needsStringTypes;
  const anywhere = word?.systemAnywhere ?? checked?.systemAnywhere;
  return {
    ...{ ...named, ...path, verdict, ok: OK[verdict] },
    ...(needs === undefined ? {} : { needs_string_types: needs }),
    ...(anywhere === undefined ? {} : { system_anywhere: anywhere }),
    problems: isUnreadable ? [report.problem] : problemsOf(checked),
  };
}

const OK = {
  rendered: true,
  passed: true,
  refused: false,
  suspected: undefined,
  unknown: undefined,
  unreadable: undefined,
} as const;

function verdictOf(
  checked: Extract<ModelCheckReport, { readonly type: "checked" }> | undefined,
  word: ServerWord | undefined,
): TemplateVerdict {
  if (word?.renders === true) return "rendered";
  // Of a model without a template chats are refused, and prompts are not.
  if (word?.renders === false && (checked === undefined || checked.rows.length > 0)) return "refused";
  if (checked?.renders === undefined) return "unknown";
  return checked.renders ? "passed" : "suspected";
}

function problemsOf(checked: Extract<ModelCheckReport, { readonly type: "checked" }> | undefined): readonly string[] {
  if (checked === undefined) return [];
  const failed = checked.rows.filter(
    ({ outcome, counts }) => counts && outcome !== "rendered" && outcome !== "not_run",
  );
  return [...checked.problems, ...failed.map(rowText)];
}

/** `template default, fixture tools: failed at line 12: … {{ x }}` */
function rowText({ template, origin, fixture, outcome, message, line, lineText }: ModelCheckRow): string {
  const where = fixture === undefined ? `template ${template}` : `template ${template}, fixture ${fixture}`;
  const at = line === undefined ? "" : ` at line ${line}`;
  const words = [`${where} (${origin}): ${outcome}${at}`, message, lineText].filter((each) => each !== undefined);
  return words.join(": ");
}
