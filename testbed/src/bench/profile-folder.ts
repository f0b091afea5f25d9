import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CpuProfile, type ProfileSummary, type Share, summarise } from "./cpu-profile.js";
import { figure, markdownTable } from "./table.js";

const ROWS = { self: 40, inclusive: 60, modules: 30 } as const;

/** Where one program leaves V8's profile of itself when it ends by itself; removed with the bench. */
export class ProfileFolder {
  readonly #folder = mkdtempSync(join(tmpdir(), "hearth-profile-"));

  constructor() {
    process.on("exit", () => rmSync(this.#folder, { recursive: true, force: true }));
  }

  /** What node is to be told for it. */
  get flags(): readonly string[] {
    return ["--cpu-prof", `--cpu-prof-dir=${this.#folder}`];
  }

  /** What the program did between two moments of the machine's clock, µs. @throws Error when it left no profile */
  summary(fromMicros: number, toMicros: number): ProfileSummary {
    return summarise(JSON.parse(readFileSync(this.#file, "utf8")) as CpuProfile, fromMicros, toMicros);
  }

  /** Copies the profile, for a viewer. @throws Error when there is none */
  keep(path: string): void {
    copyFileSync(this.#file, path);
  }

  get #file(): string {
    const file = readdirSync(this.#folder).find((name) => name.endsWith(".cpuprofile"));
    if (file === undefined) throw new Error("the program left no profile");
    return join(this.#folder, file);
  }
}

/**
 * The largest shares, as Markdown.
 *
 * @param cpuMicros what all shares come to
 * @param unit what `cpuMicros` is counted in
 */
export function profileTables(summary: ProfileSummary, cpuMicros: number, unit: string): readonly string[] {
  return (["modules", "self", "inclusive"] as const).flatMap((kind) => [
    `## ${kind}`,
    table(summary[kind].slice(0, ROWS[kind]), cpuMicros, unit),
  ]);
}

function table(shares: readonly Share[], cpuMicros: number, unit: string): string {
  const rows = shares.map(({ name, share }) => [name, figure(share * 100, 1), figure(share * cpuMicros, 1)]);
  return markdownTable(["", "%", unit], rows);
}
