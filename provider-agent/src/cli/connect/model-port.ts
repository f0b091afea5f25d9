import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@hearth/platform";
import type { AgentSettings } from "../../config.js";
import { checkModel, type ModelCheckReport, type ModelCheckRow } from "../../models/check-model.js";
import { findModel } from "../../models/find-model.js";
import { hashModel, type ListedModel, listModels } from "../../models/list-models.js";
import { modelPlaces } from "../../models/model-places.js";
import { type ScannedModel, scanModels } from "../../models/scan-models.js";
import { WeightsHasher } from "../../models/weights-hash.js";
import { AgentError } from "../../platform/agent-error.js";
import type { ModelPort, TemplateReport } from "../ports.js";

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
      const paths = names.length === 0 ? found.map(({ path }) => path) : names.map((name) => pathIn(name, found));
      const reports: TemplateReport[] = [];
      for (const path of paths) {
        const id = found.find((model) => model.path === path)?.id ?? path;
        reports.push(templateReport(id, await checkModel(path, { clock, limitMs: CHECK_LIMIT_MS, signal })));
      }
      return reports;
    },
  };
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

function templateReport(id: string, report: ModelCheckReport): TemplateReport {
  const { path } = report;
  if (report.type === "unreadable") return { id, path, ok: undefined, problems: [report.problem] };
  const failed = report.rows.filter(({ outcome, counts }) => counts && outcome !== "rendered" && outcome !== "not_run");
  return { id, path, ok: report.renders, problems: [...report.problems, ...failed.map(rowText)] };
}

/** `template default, fixture tools: failed at line 12: … {{ x }}` */
function rowText({ template, origin, fixture, outcome, message, line, lineText }: ModelCheckRow): string {
  const where = fixture === undefined ? `template ${template}` : `template ${template}, fixture ${fixture}`;
  const at = line === undefined ? "" : ` at line ${line}`;
  const words = [`${where} (${origin}): ${outcome}${at}`, message, lineText].filter((each) => each !== undefined);
  return words.join(": ");
}
