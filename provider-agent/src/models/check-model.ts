import type { Clock } from "@hearth/platform";
import { inspectModel } from "./inspect-model.js";
import type { RenderEnd } from "./render-process.js";
import type { TemplateProblem } from "./render-template.js";
import { checkTemplates, type TemplateReport } from "./template-check.js";
import { FACT_FIXTURES, type FixtureName } from "./template-fixtures.js";
import type { TemplateSupport } from "./template-verdict.js";

/** What became of a template, or of one fixture. */
export type CheckOutcome =
  | "rendered"
  /** Rendered, but with a part of the conversation left out. */
  | "incomplete"
  /** The template itself said no. */
  | "refused"
  | "failed"
  /** Our renderer lacks what the template uses. */
  | "unsupported"
  | "not_compiled"
  /** The check ended before it. */
  | "not_run";

export interface ModelCheckRow {
  /** `default`, or the variant's name. */
  readonly template: string;
  readonly origin: string;
  /** `undefined` in the one row of a template that was not rendered at all. */
  readonly fixture: FixtureName | undefined;
  readonly outcome: CheckOutcome;
  /** Whether a failure makes the template suspect. */
  readonly counts: boolean;
  readonly message?: string;
  /** From 1. */
  readonly line?: number;
  /** The template's own line, shortened. */
  readonly lineText?: string;
}

export type ModelCheckReport =
  | {
      readonly type: "checked";
      readonly path: string;
      /** As our renderer has it: `false` is a suspicion; `undefined`: no template, or no opinion. */
      readonly renders: boolean | undefined;
      readonly vision: boolean;
      readonly supports: TemplateSupport;
      readonly needsStringTypes: boolean | undefined;
      readonly systemAnywhere: boolean | undefined;
      readonly turnsAnywhere: boolean | undefined;
      readonly ended: RenderEnd;
      readonly rows: readonly ModelCheckRow[];
      /** What could not be read, a sentence each. */
      readonly problems: readonly string[];
    }
  | { readonly type: "unreadable"; readonly path: string; readonly problem: string };

export interface CheckModelOptions {
  readonly clock: Clock;
  /** Default: as the model's files say. */
  readonly vision?: boolean;
  /** Default: that of the check at start-up, 1 s. */
  readonly limitMs?: number;
  readonly signal?: AbortSignal;
}

const LINE_CHARS = 160;

/** Renders every template that a model ships with every fixture. Never rejects. */
export async function checkModel(path: string, options: CheckModelOptions): Promise<ModelCheckReport> {
  const inspection = await inspectModel(path);
  if (inspection.type === "unreadable") return { ...inspection, path };
  const { templates, host, vision: declared } = inspection.model;
  const { vision = declared, signal = new AbortController().signal, ...rest } = options;
  const check = await checkTemplates(templates, { ...rest, host, vision }, signal);
  const rows = check.templates.flatMap((report, index) => rowsOf(report, templates.templates[index]?.source ?? ""));
  const { templates: _, ...found } = check;
  return { type: "checked", path, vision, ...found, rows, problems: templates.problems };
}

function rowsOf({ name: template, origin, findings }: TemplateReport, source: string): ModelCheckRow[] {
  const common = { template, origin, counts: true };
  switch (findings.type) {
    case "unfinished":
      return [{ ...common, fixture: undefined, outcome: "not_run" }];
    case "not_compiled":
      return [{ ...common, fixture: undefined, outcome: "not_compiled", ...detail(findings.problem, source) }];
    case "compiled": {
      const told = findings.fixtures.filter(({ fixture }) => !FACT_FIXTURES.has(fixture));
      const rows = told.map(({ fixture, outcome, counts }): ModelCheckRow => {
        const row = { ...common, fixture, counts };
        if (outcome.type === "rendered") return { ...row, outcome: outcome.shown ? "rendered" : "incomplete" };
        return { ...row, outcome: outcome.type, ...detail(outcome, source) };
      });
      if (!findings.complete) rows.push({ ...common, fixture: undefined, outcome: "not_run" });
      return rows;
    }
  }
}

function detail(
  { message, line }: TemplateProblem,
  source: string,
): Pick<ModelCheckRow, "message" | "line" | "lineText"> {
  if (line === undefined) return { message };
  const text = source.split("\n", line)[line - 1] ?? "";
  return {
    message,
    line,
    lineText: text
      .replace(/[\s\p{Cc}\p{Cf}]+/gu, " ")
      .trim()
      .slice(0, LINE_CHARS),
  };
}
