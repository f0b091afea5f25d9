import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { Processes } from "./spawn.js";

describe("processes of the bench", () => {
  const folder = mkdtempSync(join(tmpdir(), "hearth-spawn-"));
  const processes = new Processes(undefined, 200);
  const start = (script: string) => {
    const file = join(folder, `${script.length}.mjs`);
    writeFileSync(file, script);
    return processes.start({ name: "script", place: "rest", arguments: [file] });
  };

  afterEach(() => processes.stopAll());
  afterAll(() => rmSync(folder, { recursive: true }));

  it("are ready when they say so", async () => {
    const [, port] = await start("console.log('hello'); console.log('ready 42'); setInterval(() => {}, 1e6)").line(
      /^ready (\d+)$/,
    );
    expect(port).toBe("42");
  });

  it("tell why they ended instead of getting ready", async () => {
    await expect(start("console.error('no such thing'); process.exit(3)").line(/^ready/)).rejects.toThrow(
      /script ended with 3:\n.*no such thing/,
    );
  });

  it("are gone when all are stopped, also one that ignores SIGTERM", async () => {
    const stubborn = start("process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6); console.log('ready')");
    await stubborn.line(/^ready/);
    await processes.stopAll();
    expect(stubborn.ended()).toBe("script ended with SIGKILL:\nready\n");
    expect(() => process.kill(stubborn.pid, 0)).toThrow("ESRCH");
  });
});
