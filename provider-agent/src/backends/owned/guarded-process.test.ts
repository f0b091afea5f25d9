import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants, getPriority } from "node:os";
import { describe, expect, it, vi } from "vitest";
import { eventually } from "../../testing/eventually.js";
import { isRunning } from "../../testing/running-process.js";
import { guardedCommand, MAX_LINE, startGuarded } from "./guarded-process.js";

const secret = { name: "LLAMA_API_KEY", value: "s3cret" };

/** Starts a command and gathers what it says on stderr. */
function start(command: string, ...args: readonly string[]) {
  const lines: string[] = [];
  return { lines, child: startGuarded({ command, args, secret, onLine: (line) => lines.push(line) }) };
}

describe.skipIf(process.platform === "win32")("a guarded process", () => {
  it("has its secret in its environment and not in its arguments", async () => {
    const { lines, child } = start(
      "/bin/sh",
      "-c",
      'echo "$LLAMA_API_KEY $*" >&2; (ps -o args= -p $$ || cat /proc/$$/cmdline) >&2; echo >&2',
      "sh",
      "a b",
      "c",
    );
    expect(await child.exited).toEqual({ code: 0, signal: null });
    await eventually(() => lines.length >= 2);
    expect(lines[0]).toBe("s3cret a b c");
    expect(lines[1]).toContain("LLAMA_API_KEY");
    expect(lines[1]).not.toContain("s3cret");
  });

  it("gets to see nothing that was set for the agent", async () => {
    vi.stubEnv("HEARTH_PROVIDER_TOKEN", "t0ken\nHEARTH_X=1");
    vi.stubEnv("HEARTH_BACKEND_KEY", "k3y");
    vi.stubEnv("GGML_X", "kept");
    const { lines, child } = start("/bin/sh", "-c", "env >&2; echo end >&2");
    await child.exited.finally(() => vi.unstubAllEnvs());
    await eventually(() => lines.includes("end"));
    expect(lines.filter((line) => /HEARTH_|t0ken|k3y/.test(line))).toEqual([]);
    expect(lines).toEqual(expect.arrayContaining(["GGML_X=kept", "LLAMA_API_KEY=s3cret"]));
  });

  it("has low priority from its first instruction on, and so has what it starts", async () => {
    const { lines, child } = start("/bin/sh", "-c", "echo $$ >&2; sleep 60 & echo $! >&2; wait");
    await eventually(() => lines.length === 2);
    for (const pid of lines) expect(getPriority(Number(pid))).toBe(constants.priority.PRIORITY_LOW);
    child.kill();
    await child.exited;
  });

  it("is killed with all that it started", async () => {
    const { lines, child } = start("/bin/sh", "-c", "sleep 60 & echo $! >&2; wait");
    await eventually(() => lines.length === 1);
    child.kill();
    expect((await child.exited).signal).toBe("SIGKILL");
    await eventually(() => !isRunning(Number(lines[0])));
    child.kill();
  });

  it("leaves nothing running when it ends by itself", async () => {
    const { lines, child } = start("/bin/sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $! >&2; exit 3");
    expect(await child.exited).toEqual({ code: 3, signal: null });
    await eventually(() => lines.length === 1 && !isRunning(Number(lines[0])));
  });

  it("does not outlive the process that started it, however that ends", async () => {
    const { file, args } = guardedCommand({ command: "/bin/sh", args: ["-c", "echo $$; exec sleep 60"], secret });
    const owner = spawn(process.execPath, [
      "-e",
      `const child = require("node:child_process").spawn(${JSON.stringify(file)}, ${JSON.stringify(args)},
        { stdio: ["pipe", "inherit", "ignore"], detached: true });
       child.stdin.write("key\\n");`,
    ]);
    const [pid] = (await once(owner.stdout.setEncoding("utf8"), "data")) as [string];
    expect(isRunning(Number(pid))).toBe(true);
    owner.kill("SIGKILL");
    await eventually(() => !isRunning(Number(pid)));
  });

  it("tells a program that does not exist by its exit code", async () => {
    expect(await start("/nowhere/llama-server").child.exited).toEqual({ code: 127, signal: null });
  });

  it("keeps no more of a line than fits", async () => {
    const { lines, child } = start(
      "/bin/sh",
      "-c",
      `head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2; echo end >&2`,
    );
    await child.exited;
    await eventually(() => lines.includes("end"));
    expect(lines[0]?.length).toBe(MAX_LINE);
  });
});
