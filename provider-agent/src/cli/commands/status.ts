import { sleep } from "@hearth/platform";
import type { Command } from "commander";
import { AgentError } from "../../platform/agent-error.js";
import { parseDuration } from "../duration.js";
import { type CliContext, type Invocation, invocationOf } from "../invocation.js";
import { renderStatus } from "../render-status.js";
import { RunningAgent } from "../running-agent.js";

interface StatusFlags {
  readonly name?: string;
  readonly watch?: boolean;
}

/** How often a live status is drawn, ms. */
const REDRAW_MS = 1_000;
/** Cursor to the top left, and everything below it gone (ECMA-48 CUP, ED). */
const CLEAR = "\u001b[H\u001b[2J";

/** `status`, `pause`, `resume`: the agent that runs. */
export function addStatus(program: Command, context: CliContext): void {
  const status = program
    .command("status")
    .description("show what the running agent does: connection, trust, models, requests, tokens, earnings")
    .option("-n, --name <name>", "name of the agent")
    .option("-w, --watch", "go on until Ctrl-C; with --json, one line a second")
    .action((flags: StatusFlags) => showStatus(invocationOf(status, context), flags));
  const pause = program
    .command("pause")
    .description("take no new requests; what runs may end")
    .option("-n, --name <name>", "name of the agent")
    .option("--for <time>", "resume after this time, like 45m, 2h or 1h30m", parseDuration)
    .action(async (flags: { readonly name?: string; readonly for?: number }) => {
      const invocation = invocationOf(pause, context);
      const now = await running(invocation, flags).pause(flags.for, invocation.signal);
      const { out, wallClock } = invocation;
      out.result(now, renderStatus(now, wallClock(), out.colors));
    });
  const resume = program
    .command("resume")
    .description("take requests again")
    .option("-n, --name <name>", "name of the agent")
    .action(async (flags: { readonly name?: string }) => {
      const invocation = invocationOf(resume, context);
      const now = await running(invocation, flags).resume(invocation.signal);
      const { out, wallClock } = invocation;
      out.result(now, renderStatus(now, wallClock(), out.colors));
    });
}

function running(invocation: Invocation, { name }: { readonly name?: string }): RunningAgent {
  return RunningAgent.find(invocation.settings(name === undefined ? {} : { name }), invocation.clock);
}

async function showStatus(invocation: Invocation, flags: StatusFlags): Promise<void> {
  const { out, stdout, clock, wallClock, signal } = invocation;
  const agent = running(invocation, flags);
  const first = await agent.status(signal);
  if (!flags.watch) {
    const page = `${out.colors.dim("Page")}  ${agent.pageUrl}`;
    return out.result(first, `${renderStatus(first, wallClock(), out.colors)}\n\n${page}`);
  }
  if (!out.json && stdout.isTTY !== true) {
    throw new AgentError("config_invalid", "--watch draws on a terminal; for a script, add --json.");
  }
  for (let now = first; ; now = await agent.status(signal)) {
    stdout.write(out.json ? `${JSON.stringify(now)}\n` : `${CLEAR}${renderStatus(now, wallClock(), out.colors)}\n`);
    await sleep(clock, REDRAW_MS, signal);
    if (signal.aborted) return;
  }
}
