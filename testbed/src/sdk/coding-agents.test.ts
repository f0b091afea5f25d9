import { existsSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { startTestCoordinator } from "../scripted/test-coordinator.js";
import { program } from "./behind-llama-server.test-set-up.js";
import { startBehindTemplate } from "./behind-template.test-set-up.js";
import { messagesOf, playing } from "./chat-backend.js";
import { noticeWithoutTemplates, TEMPLATES } from "./chat-templates.js";
import { CODING_AGENTS, InstalledAgent } from "./coding-agents.js";
import { MAX_INSTALL_MS } from "./npm-install.js";
import { calling, chatOf } from "./rendering-front.js";

const RUN_MS = 120_000;
const TOLD = /I was told: .*forty-42.*high tide in Brest at 12:34/s;

noticeWithoutTemplates();

type Body = Parameters<typeof chatOf>[0];

/** Names of the tools that a conversation says were called. */
function calledIn(stream: ScriptedStream): readonly (string | undefined)[] {
  const messages = messagesOf(stream) as readonly { readonly tool_calls?: Body["tools"] }[];
  return messages.flatMap((message) => message.tool_calls ?? []).map((call) => call.function.name);
}

describe.each(Object.entries(CODING_AGENTS))("%s, unchanged", (_name, agent) => {
  let installed: InstalledAgent | undefined;
  beforeAll(async () => {
    installed = await InstalledAgent.install(agent);
  }, MAX_INSTALL_MS);
  afterAll(() => installed?.[Symbol.dispose]());

  beforeEach((context) => {
    if (installed === undefined) context.skip("it is not here");
  });

  it(
    "streams, runs a command and a tool of an MCP server, and says what the model says then",
    async () => {
      await using hearth = await startTestCoordinator();
      const provider = await hearth.provider(playing(calling(agent.calls)));
      const ended = await installed?.run(hearth.url, "m", "Go on.");
      expect(ended).toMatchObject({ code: 0, output: expect.stringMatching(TOLD) });
      // Those without tools ask for a title.
      const turns = provider.streams.filter(({ body }) => chatOf(body as unknown as Body).tools.length > 0);
      expect(turns).toHaveLength(agent.calls.length + 1);
      for (const { frame, body } of turns) {
        expect(frame.delivery).toBe("interactive");
        expect(body).toMatchObject({ stream: true, stream_options: { include_usage: true } });
      }
      const last = turns.at(-1)!;
      expect(calledIn(last)).toEqual(agent.calls.map(({ name }) => name));
      expect(messagesOf(last).at(-1)).toMatchObject({ role: "tool" });
      expect(JSON.stringify(messagesOf(last).at(-1))).toContain("high tide in Brest at 12:34");
    },
    RUN_MS,
  );

  describe.skipIf(program === undefined).each(TEMPLATES)("on a llama-server with a template $name", ({ template }) => {
    it.skipIf(template !== undefined && !existsSync(template))(
      "does so, too",
      async () => {
        await using world = await startBehindTemplate(template, calling(agent.calls));
        const ended = await installed?.run(world.hearth.url, "pico", "Go on.");
        const { prompts, refusals } = world.front;
        // What it refuses once is put to it otherwise, and from then on at first.
        const distinct = [...new Set(refusals)];
        const expected = { code: 0, output: expect.stringMatching(TOLD), refusals: distinct };
        expect({ ...ended, refusals }).toEqual(expected);
        const told = prompts.filter((prompt) => /forty-42.*high tide in Brest at 12:34/s.test(prompt));
        expect(told).toHaveLength(1);
      },
      RUN_MS,
    );
  });
});
