import { describe, expect, it } from "vitest";
import { standBack } from "./priority.js";
import { runTool, stdoutOf } from "./run-tool.js";

const never = new AbortController().signal;
const node = (script: string, signal = never) => runTool(process.execPath, ["-e", script], signal);

describe("a tool of the system", () => {
  it("is run without a shell, and what it printed comes back", async () => {
    const result = await runTool(process.execPath, ["-p", "process.argv[1]", "$HOME; *"], never);
    expect(stdoutOf(result)).toBe("$HOME; *\n");
  });

  it("may be missing, may fail, and may say too much", async () => {
    expect(await runTool("hearth-no-such-tool", [], never)).toEqual({ type: "missing" });
    expect(await node("process.exit(3)")).toEqual({ type: "failed" });
    expect(await node("process.stdout.write('x'.repeat(1 << 20)); setInterval(() => {}, 1000)")).toEqual({
      type: "failed",
    });
  });

  it("gets an empty standard input, so that it cannot wait for one", async () => {
    expect(stdoutOf(await node("process.stdin.on('end', () => console.log('end')).resume()"))).toBe("end\n");
  });

  it("is killed when its signal aborts", async () => {
    const stop = new AbortController();
    const result = node("setInterval(() => {}, 1000)", stop.signal);
    stop.abort();
    expect(await result).toEqual({ type: "failed" });
  });
});

describe("standing back", () => {
  it.skipIf(process.platform === "win32")("lowers a process and the children it starts, once", async () => {
    // In a process of its own: an unprivileged one cannot be raised again.
    const script = `
      import { execFileSync } from "node:child_process";
      import { getPriority } from "node:os";
      const child = () => Number(execFileSync(process.execPath, ["-p", "os.getPriority()"]));
      console.log(JSON.stringify([getPriority(), child()]));`;
    expect(standBack(2 ** 30)).toMatchObject({ type: "refused" });
    const child = (await import("node:child_process")).spawn(process.execPath, ["--input-type=module"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const { getPriority } = await import("node:os");
    const before = getPriority(child.pid!);
    expect(standBack(child.pid!)).toEqual({ type: before >= 10 ? "already_low" : "lowered" });
    expect(standBack(child.pid!)).toEqual({ type: "already_low" });
    child.stdin.end(script);
    const [own, childs] = JSON.parse((await child.stdout.toArray()).join("")) as number[];
    expect(childs).toBe(own);
    expect(getPriority()).toBeLessThan(10);
    expect(own).toBeGreaterThanOrEqual(10);
  });
});
