/**
 * The program of the process that renders templates: tasks come as JSON on stdin, findings go as lines of JSON to stdout.
 * It may be ended at any point, so each is written before the next is looked for.
 */
import { writeSync } from "node:fs";
import { text } from "node:stream/consumers";
import { type RenderReport, type RenderTask, renderTemplate } from "./render-template.js";

/** A finding about the template of this place in the list of tasks. */
export interface RenderFinding {
  readonly template: number;
  readonly report: RenderReport;
}

const tasks = JSON.parse(await text(process.stdin)) as readonly RenderTask[];
for (const [template, task] of tasks.entries()) {
  for (const report of renderTemplate(task)) {
    writeSync(1, `${JSON.stringify({ template, report } satisfies RenderFinding)}\n`);
  }
}
