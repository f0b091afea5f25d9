import { type Clock, deadline } from "@hearth/platform";
import { type ChatTemplate, type ChatTemplates, DEFAULT_TEMPLATE } from "./chat-template.js";
import { type RenderEnd, renderInProcess } from "./render-process.js";
import type { RenderReport, RenderTask } from "./render-template.js";
import { fixturesFor, type TemplateHost } from "./template-fixtures.js";
import {
  countsFor,
  type FixtureFinding,
  needsStringTypes,
  supportOf,
  systemAnywhere,
  type TemplateFindings,
  type TemplateSupport,
  turnsAnywhere,
  verdictOf,
  verdictOfAll,
} from "./template-verdict.js";

/** How long the templates of one model may take, ms: start-up waits no longer for one. */
export const TEMPLATE_CHECK_MS = 1_000;

export interface TemplateReport {
  readonly name: string;
  readonly origin: string;
  /** As {@link verdictOf} has it. */
  readonly renders: boolean | undefined;
  readonly findings: TemplateFindings;
}

/** What our renderer makes of a model's templates. The server that serves the model may have another. */
export interface TemplateCheck {
  /** Whether every template of the model renders: `false` is a suspicion; `undefined`: no template, or no opinion. */
  readonly renders: boolean | undefined;
  readonly supports: TemplateSupport;
  /** As {@link needsStringTypes} has it. */
  readonly needsStringTypes: boolean | undefined;
  /** As {@link systemAnywhere} has it. */
  readonly systemAnywhere: boolean | undefined;
  /** As {@link turnsAnywhere} has it. */
  readonly turnsAnywhere: boolean | undefined;
  readonly ended: RenderEnd;
  readonly templates: readonly TemplateReport[];
}

export interface CheckOptions {
  readonly host: TemplateHost;
  readonly vision: boolean;
  readonly clock: Clock;
  /** Default {@link TEMPLATE_CHECK_MS}. */
  readonly limitMs?: number;
}

/** Renders every template against every fixture, in a process that is ended when its time is up. Never rejects. */
export async function checkTemplates(
  { templates, specialTokens }: ChatTemplates,
  options: CheckOptions,
  signal: AbortSignal,
): Promise<TemplateCheck> {
  const fixtures = fixturesFor(options.host, options.vision);
  const tasks = templates.map(({ source }): RenderTask => ({ source, specialTokens, fixtures }));
  const reports = tasks.map((): RenderReport[] => []);
  using limit = deadline(options.clock, options.limitMs ?? TEMPLATE_CHECK_MS, signal);
  const ended =
    tasks.length === 0
      ? "finished"
      : await renderInProcess(tasks, ({ template, report }) => reports[template]?.push(report), limit.signal);
  const results = templates.map((template, index) => reportOf(template, reports[index] ?? [], fixtures.length));
  const findings = results.map((result) => result.findings);
  const used = results.find(({ name }) => name === DEFAULT_TEMPLATE) ?? results[0];
  return {
    renders: verdictOfAll(results.map(({ renders }) => renders)),
    supports: supportOf(findings),
    needsStringTypes: needsStringTypes(findings),
    systemAnywhere: systemAnywhere(used?.findings),
    turnsAnywhere: turnsAnywhere(used?.findings),
    ended,
    templates: results,
  };
}

function reportOf({ name, origin }: ChatTemplate, reports: readonly RenderReport[], expected: number): TemplateReport {
  const findings = findingsOf(name, reports, expected);
  return { name, origin, renders: verdictOf(findings), findings };
}

function findingsOf(name: string, reports: readonly RenderReport[], expected: number): TemplateFindings {
  const [first] = reports;
  switch (first?.type) {
    case "compiled": {
      const fixtures = reports.flatMap((report): FixtureFinding[] => {
        if (report.type !== "fixture") return [];
        const { fixture, outcome } = report;
        return [{ fixture, outcome, counts: countsFor(name, first.claims, fixture) }];
      });
      return { type: "compiled", claims: first.claims, fixtures, complete: fixtures.length === expected };
    }
    case "not_compiled": {
      const { type, ...problem } = first;
      return { type, problem };
    }
    case "fixture":
    case undefined:
      return { type: "unfinished" };
  }
}
