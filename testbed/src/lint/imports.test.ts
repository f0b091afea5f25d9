import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

let copy: string;
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), "hearth-lint-"));
});
afterEach(() => rmSync(copy, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(copy, path)), { recursive: true });
  writeFileSync(join(copy, path), text);
}

/** The sources of every package as they are now. */
function copySources(): void {
  for (const folder of readdirSync(ROOT)) {
    const sources = join(ROOT, folder, "src");
    if (folder !== "node_modules" && existsSync(sources))
      cpSync(sources, join(copy, folder, "src"), { recursive: true });
  }
}

/** A program of node's, run in the copy to its end. */
function run(...args: readonly string[]): { readonly code: number | null; readonly lines: string[] } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: copy, encoding: "utf8" });
  return { code: status, lines: `${stdout}${stderr}`.split("\n") };
}

const checkImports = (): ReturnType<typeof run> => run(join(ROOT, "scripts/lint/imports.mjs"), copy);

interface Seed {
  readonly file: string;
  readonly text: string;
  /** What the complaint about the file must say: who may not import what, and one thing that is allowed. */
  readonly says: readonly string[];
}

const C = "coordinator/src";
const SEEDS: readonly Seed[] = [
  {
    file: `${C}/store/seed.ts`,
    text: 'export { createHttpApp } from "../http/app.js";',
    says: ["coordinator/store may not", "(./http)", "may import ./platform"],
  },
  {
    file: `${C}/enrolment/seed.ts`,
    text: 'import { createHttpApp } from "../http/app.js";\nexport const app = createHttpApp;',
    says: ["coordinator/enrolment may not", "(./http)", "./store"],
  },
  {
    file: `${C}/sealing/seed.ts`,
    text: 'export * from "../request/handle-request.js";',
    says: ["coordinator/sealing may not", "(./request)", "@hearth/e2e"],
  },
  {
    file: `${C}/platform/seed.ts`,
    text: 'import "../store/store.js";',
    says: ["coordinator/platform may not", "(./store)", "prom-client"],
  },
  {
    file: `${C}/selection/seed.ts`,
    text: 'import Database from "libsql";\nexport const database = Database;',
    says: ["coordinator/selection may not", "(libsql)", "./fleet"],
  },
  {
    file: `${C}/request/seed.ts`,
    text: 'import "../compose/create-fleet.js";',
    says: ["coordinator/request may not", "(./compose)", "./dispatch"],
  },
  {
    file: `${C}/http/sealed/seed.ts`,
    text: 'import "../../store/sqlite/open-sqlite-store.js";',
    says: ["coordinator/http may not", "(./store/sqlite)", "hono"],
  },
  {
    file: `${C}/fleet/seed-engine.ts`,
    text: 'export { openStore } from "../store/open/open-store.js";',
    says: ["coordinator/fleet may not", "(./store/open)", "./store"],
  },
  {
    file: `${C}/store/operations/seed.ts`,
    text: 'import pg from "pg";\nexport const client = pg.Client;',
    says: ["coordinator/store/operations may not", "(pg)", "kysely"],
  },
  {
    file: `${C}/fleet/trust/seed-type.ts`,
    text: 'import type { Picker } from "../../selection/picker.js";\nexport type P = Picker;',
    says: ["coordinator/fleet may not", "(./selection)", "./platform"],
  },
  {
    file: `${C}/dispatch/seed-re-export.ts`,
    text: 'export type { Caller } from "../request/classify.js";',
    says: ["coordinator/dispatch may not", "(./request)", "./selection"],
  },
  {
    file: `${C}/dispatch/seed-session.ts`,
    text: 'export type { ProviderSession } from "../fleet/provider-session.js";',
    says: ["coordinator/dispatch may not", "provider-session", "./fleet/provider-link.ts"],
  },
  {
    file: `${C}/http/seed-registry.ts`,
    text: 'import type { Registry } from "../fleet/registry.js";\nexport type R = Registry;',
    says: ["coordinator/http may not", "registry", "./fleet/provider-directory.ts"],
  },
  {
    file: `${C}/selection/seed-dynamic.ts`,
    text: 'export const load = (): Promise<unknown> => import("pg");',
    says: ["coordinator/selection may not", "(pg)"],
  },
  {
    file: `${C}/selection/seed-computed.ts`,
    text: 'const name = "p" + "g";\nexport const load = (): Promise<unknown> => import(name);',
    says: ["a path that is computed"],
  },
  {
    file: "provider-agent/src/jobs/seed-import-type.ts",
    text: 'export type Kysely = import("kysely").Kysely;',
    says: ["provider-agent/jobs may not", "(kysely)", "@hearth/protocol"],
  },
  {
    file: `${C}/selection/seed-import-type.ts`,
    text: 'export type Picker = import("./picker.js").Picker;',
    says: ['write import("./picker.js") as an import type'],
  },
  {
    file: `${C}/dispatch/race.ts`,
    text: 'import "./failures.js";\nimport "./step.js";\nimport "./types.js";\nimport "./policy.js";\nimport "../platform/errors.js";\nimport "@hearth/platform";\nimport "@hearth/protocol";',
    says: ["coordinator/dispatch/race.ts may not", "(./dispatch)", "./dispatch/step.ts"],
  },
  {
    file: "e2e/src/seed.ts",
    text: 'import "zod/mini";',
    says: ["e2e/. may not", "(zod)", "node:crypto"],
  },
  {
    file: "provider-agent/src/seed.test.ts",
    text: 'import "@hearth/coordinator";',
    says: ["a test of provider-agent/ may not", "(@hearth/coordinator)", "vitest"],
  },
  {
    file: "provider-agent/src/jobs/seed.ts",
    text: 'import "../../../coordinator/src/fleet/registry.js";',
    says: ["provider-agent/jobs may not", "(../coordinator/fleet)"],
  },
  { file: `${C}/attic/seed.ts`, text: "export {};", says: ["in no room of coordinator"] },
  { file: `${C}/seed.ts`, text: "export {};", says: ["in no room of coordinator"] },
  { file: `${C}/attic/seed.test.ts`, text: "export {};", says: ["in no room of coordinator"] },
  { file: "shed/src/seed.ts", text: "export {};", says: ["the package shed is not in"] },
];

it("finds every import that the table of rooms does not allow, says where, and what is allowed", () => {
  copySources();
  for (const { file, text } of SEEDS) write(file, text);
  const { code, lines } = checkImports();
  expect(code).toBe(1);
  for (const { file, says } of SEEDS) {
    const complaints = lines.filter((line) => line.startsWith(`${file}:`));
    expect(complaints, file).toHaveLength(1);
    for (const words of says) expect(complaints[0]).toContain(words);
  }
  // And nothing else: the sources themselves are without a problem.
  expect(lines.at(-2)).toContain(`: ${SEEDS.length} problems.`);
});

it("finds what the table allows and nothing needs any more", () => {
  copySources();
  rmSync(join(copy, `${C}/store/sqlite`), { recursive: true });
  rmSync(join(copy, `${C}/platform/metrics.ts`));
  const { lines } = checkImports();
  expect(lines).toContain('scripts/lint/rooms: no file of coordinator is in "store/sqlite" any more');
  expect(lines).toContain(
    "scripts/lint/rooms: coordinator/platform may import prom-client, and nothing there does any more",
  );
});

it("lets no table give a database client to others than the store and the cluster, or say a thing twice", () => {
  copySources();
  cpSync(join(ROOT, "scripts"), join(copy, "scripts"), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  const table = "scripts/lint/rooms/coordinator.js";
  const rooms = readFileSync(join(copy, table), "utf8");
  write(table, rooms.replace(/\bselection: \[/, '$&"libsql", "./platform", '));
  write(`${C}/selection/seed.ts`, 'import "libsql";');
  const { code, lines } = run("scripts/lint/imports.mjs");
  expect(code).toBe(1);
  expect(lines).toContain(
    "scripts/lint/rooms: coordinator/selection may not have libsql: only coordinator/store and coordinator/cluster may",
  );
  expect(lines).toContain("scripts/lint/rooms: coordinator/selection says ./platform twice");
});

it("does not pass over what it cannot read", () => {
  copySources();
  write(`${C}/platform/seed.ts`, "import { from");
  const { code, lines } = checkImports();
  expect(code).toBe(1);
  expect(lines.filter((line) => line.startsWith(`${C}/platform/seed.ts: cannot be read: `))).toHaveLength(1);
});

it("finds circles that only types make", () => {
  for (const file of ["biome.json", ".gitignore", "scripts/lint/ambient-time-and-chance.grit"]) {
    cpSync(join(ROOT, file), join(copy, file));
  }
  write(`${C}/fleet/egg.ts`, 'import type { Hen } from "./hen.js";\n\nexport type Egg = { readonly from: Hen };\n');
  write(`${C}/fleet/hen.ts`, 'import type { Egg } from "./egg.js";\n\nexport type Hen = { readonly from: Egg };\n');
  const { code, lines } = run(join(ROOT, "node_modules/@biomejs/biome/bin/biome"), "lint", ".");
  expect(code).toBe(1);
  for (const file of ["egg.ts", "hen.ts"]) {
    expect(lines.some((line) => line.includes(file) && line.includes("noImportCycles"))).toBe(true);
  }
});
