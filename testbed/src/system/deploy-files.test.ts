import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// What stands in deploy/ speaks of metrics that there are, and holds what it says where its own tools are here.

const fileOf = (name: string): string => fileURLToPath(new URL(`../../../deploy/${name}`, import.meta.url));
const textOf = (name: string): string => readFileSync(fileOf(name), "utf8");

const ALERTS = "prometheus/alerts.yml";
const DASHBOARD = "grafana/dashboards/hearth.json";
/** Metrics that a coordinator without an https:// address does not show. */
const SOMETIMES = new Set(["hearth_certificate_expires_timestamp_seconds"]);

let hearth: TestCoordinator;
let exposed: ReadonlySet<string>;
beforeAll(async () => {
  hearth = await startTestCoordinator();
  const metrics = await (await hearth.get("/metrics")).text();
  exposed = new Set([...metrics.matchAll(/^# TYPE (\S+) /gm)].map(([, name = ""]) => name));
});
afterAll(() => hearth[Symbol.asyncDispose]());

describe.each([ALERTS, "prometheus/alerts.test.yml", DASHBOARD])("%s", (name) => {
  it("speaks of metrics only that a coordinator has", () => {
    const named = new Set(textOf(name).match(/\b(?:hearth|nodejs|process)_[a-z0-9_]+/g));
    expect(named.size).toBeGreaterThan(8);
    const base = (each: string): string => each.replace(/_(bucket|count|sum)$/, "");
    expect([...named].filter((each) => !exposed.has(each) && !exposed.has(base(each)) && !SOMETIMES.has(each))).toEqual(
      [],
    );
  });
});

it("tells of every alert what it means and what to do", () => {
  const alerts = [...textOf(ALERTS).matchAll(/- alert: (\w+)/g)].map(([, alert = ""]) => alert);
  const operations = readFileSync(fileURLToPath(new URL("../../../docs/operations.md", import.meta.url)), "utf8");
  expect(alerts.length).toBeGreaterThan(10);
  expect(alerts.filter((alert) => !operations.includes(`\n| \`${alert}\` `))).toEqual([]);
});

it("has no two panels of one place or one id, and an expression in every one", () => {
  const { panels } = JSON.parse(textOf(DASHBOARD)) as {
    panels: { id: number; type: string; gridPos: object; targets?: { expr: string }[] }[];
  };
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(new Set(panels.map(({ gridPos }) => JSON.stringify(gridPos))).size).toBe(panels.length);
  for (const { type, targets = [] } of panels) {
    if (type !== "row") expect(targets.every(({ expr }) => expr.length > 0) && targets.length > 0).toBe(true);
  }
});

const promtool = (...args: readonly string[]) => spawnSync("promtool", args, { encoding: "utf8" });
const isHere = promtool("--version").status === 0;
if (!isHere) {
  if (process.env["HEARTH_REQUIRE_PROMTOOL"] === "1") {
    throw new Error("HEARTH_REQUIRE_PROMTOOL is set, and there is no promtool here.");
  }
  console.warn("deploy/prometheus: promtool is not here, so its alerts were not tried");
}

describe.skipIf(!isHere)("the alerts, as promtool sees them", () => {
  it.each([
    ["check", "config", fileOf("prometheus/prometheus.yml")],
    ["check", "rules", fileOf(ALERTS)],
    // They keep quiet where all is well, and fire where nothing is.
    ["test", "rules", fileOf("prometheus/alerts.test.yml")],
  ])("are right: promtool %s %s", (...args) => {
    const { status, stdout, stderr } = promtool(...args);
    expect([status, status === 0 ? "" : stdout + stderr]).toEqual([0, ""]);
  });

  it("have expressions in the dashboard that Prometheus can read", () => {
    const { panels } = JSON.parse(textOf(DASHBOARD)) as { panels: { targets?: { expr: string }[] }[] };
    const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    const rules = expressions.map((expr, n) => ({
      record: `panel:number_${n}`,
      expr: expr.replaceAll("$__rate_interval", "1m"),
    }));
    const dir = mkdtempSync(join(tmpdir(), "hearth-dashboard-"));
    try {
      // JSON is YAML.
      writeFileSync(join(dir, "rules.yml"), JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
      const { status, stderr } = promtool("check", "rules", join(dir, "rules.yml"));
      expect([status, stderr]).toEqual([0, ""]);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
