import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { openMemoryDatabase } from "../sqlite/open-database.js";
import { tablesInOrder } from "./source.js";

const DOCS = readFileSync(fileURLToPath(new URL("../../../../docs/configuration.md", import.meta.url)), "utf8");

/** The rows of the table that says how long each table is kept. */
const rows = (): readonly (readonly string[])[] => {
  const [, section = ""] = DOCS.split("### What is kept, and how long");
  const [table = ""] = section.split("\n## ");
  return [...table.matchAll(/^\| `.*\|$/gm)].map(([row]) => row.split("|").map((cell) => cell.trim()));
};

it("says of each table of the database how long it is kept", () => {
  const { connection } = openMemoryDatabase();
  const names = tablesInOrder(connection).map(({ name }) => name);
  connection.close();
  expect(rows().map(([, name]) => name)).toEqual(expect.arrayContaining(names.map((name) => `\`${name}\``)));
  expect(rows()).toHaveLength(names.length);
});

it("names settings that there are, with their defaults", () => {
  const named = rows().flatMap(([, , , kept = "", settings = ""]) =>
    [...settings.matchAll(/`([^`]+)`/g)].map(([, setting = ""]) => [setting, kept] as const),
  );
  expect(named.length).toBeGreaterThan(8);
  for (const [setting, kept] of named) {
    const name = setting.split(".").at(-1) ?? "";
    const [, byDefault = ""] = new RegExp(`^\\| \`${name}\` +\\| ([\\d]+) `, "m").exec(DOCS) ?? [];
    expect([setting, kept.replaceAll(",", "")]).toEqual([
      setting,
      expect.stringMatching(new RegExp(`\\b${byDefault}\\b`)),
    ]);
    expect(byDefault).not.toBe("");
  }
});
