import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { readSettings } from "./settings.js";

const SECTIONS = [
  "dispatch",
  "hedging",
  "selection",
  "breaker",
  "evidence",
  "reputation",
  "calibration",
  "idempotency",
  "stored_responses",
  "accounts",
  "usage",
  "ledger",
  "owner_prices",
  "payments",
  "payouts",
  "webhooks",
  "notifications",
  "health",
  "sign_in",
  "timelines",
  "audit",
];
/** Has no default, so that no file without it names it. */
const NOT_SET = "dispatch.open_streams_after_ms";

const document = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url)), "utf8");

/** The numbers of a file that says nothing, by their names in it. */
function defaults(): ReadonlyMap<string, number> {
  const dir = mkdtempSync(join(tmpdir(), "hearth-settings-docs-"));
  try {
    writeFileSync(join(dir, "hearth.json"), "{}");
    const { written } = readSettings(join(dir, "hearth.json"));
    return new Map(
      Object.entries(written).flatMap(([name, group]) => (SECTIONS.includes(name) ? flat(name, group) : [])),
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function flat(name: string, value: unknown): [string, number][] {
  if (typeof value === "number") return [[name, value]];
  return Object.entries(value as object).flatMap(([member, below]) => flat(`${name}.${member}`, below));
}

it("has every number in the tables of docs/configuration.md, with its default", () => {
  const told = new Map<string, number>();
  let section: string | undefined;
  for (const line of document("configuration.md").split("\n")) {
    const [, name = "", value = ""] = /^\| `([a-z_.]+)` +\| ([^|]+?) +\|/.exec(line) ?? [];
    if (value === "default" && SECTIONS.includes(name)) section = name;
    else if (!line.startsWith("|")) section = undefined;
    else if (section !== undefined && name !== "") told.set(`${section}.${name}`, Number(value));
  }
  expect(told.get(NOT_SET)).toBeNaN();
  told.delete(NOT_SET);
  expect(new Map([...told].sort())).toEqual(new Map([...defaults()].sort()));
});

it("has the defaults that docs/dispatch.md tells", () => {
  const actual = defaults();
  const told = [...document("dispatch.md").matchAll(/`((?:[a-z]+\.)+[a-z_]+)` \(?([\d,.]+(?:e\d+)?)\)?(?=[\s),;.:])/g)];
  const numbers = told.filter(([, name = ""]) => SECTIONS.includes(name.split(".")[0] ?? ""));
  expect(numbers.length).toBeGreaterThan(50);
  for (const [, name = "", value = ""] of numbers) {
    expect([name, Number(value.replaceAll(",", "").replace(/\.$/, ""))]).toEqual([name, actual.get(name)]);
  }
});
