import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { expect, it } from "vitest";
import { eventually } from "../testing/eventually.js";
import { answer, answerJson, chunk, startEvents } from "../testing/scripted-backend.js";
import { startSetting } from "../testing/test-agent.js";

const PROMPT = "canary-of-the-prompt-5f1d";
const COMPLETION = "canary-of-the-completion-8c2a";

/** Everything in a folder, as one text. */
function contents(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map((file) => readFileSync(join(file.parentPath, file.name), "latin1")).join("\n");
}

it("writes nothing of prompts and answers into log or data directory, however jobs end", async () => {
  let logged = "";
  const write = (line: string): void => {
    logged += line;
  };
  const log = pino({ level: "trace", base: null }, { write });
  await using setting = await startSetting(
    (call) => {
      const { way } = JSON.parse(call.body) as { way: string };
      if (way === "served") return answer(call, [COMPLETION]);
      if (way === "refused") return answerJson(call, 400, { error: { message: `${PROMPT} ${COMPLETION}` } });
      if (way === "no stream") return void call.response.end(`<html>${PROMPT}${COMPLETION}`);
      startEvents(call);
      call.response.write(way === "truncated" ? `data: {"x":"${COMPLETION}` : chunk({ content: COMPLETION }));
      if (way === "truncated") call.response.end();
    },
    { deps: { log } },
  );
  const { link, backend, agent } = setting;
  const ask = (way: string) => link.request({ model: "m", way, messages: [{ role: "user", content: PROMPT }] });
  for (const way of ["served", "refused", "no stream", "truncated"]) await ask(way).end();
  const cancelled = ask("cancelled");
  await cancelled.received(COMPLETION);
  cancelled.cancel();
  const cut = ask("cut");
  await cut.received(COMPLETION);
  backend.calls.at(-1)?.response.destroy();
  await Promise.all([cancelled.end(), cut.end()]);
  await link.request({ content: PROMPT }, { body_bytes: 5 });
  await eventually(() => logged.includes("connection closed"));
  expect(backend.calls.length).toBeGreaterThan(5);
  const everything = logged + contents(agent.dataDir);
  // The canaries would be seen: what may be logged of the same jobs is there.
  expect(logged).toContain("job completed");
  expect(logged).toContain("job failed");
  expect(everything).not.toContain(PROMPT);
  expect(everything).not.toContain(COMPLETION);
});
