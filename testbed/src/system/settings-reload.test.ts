import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SpawnedHearth } from "./spawned-hearth.js";
import { type StubBackend, startStubBackend } from "./stub-backend.js";

const OTHER_KEY = "another-consumers-key-0123456789";
const REREAD = "configuration file read again";

let dir: string;
let path: string;
let hearth: SpawnedHearth;
let backends: readonly StubBackend[];

const write = (content: unknown): void =>
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "hearth-reload-"));
  path = join(dir, "hearth.json");
  write({ aliases: { best: { desired: "first" } } });
  hearth = await SpawnedHearth.start({ HEARTH_CONFIG: path });
  backends = await Promise.all(
    ["first", "second"].map((model) =>
      startStubBackend(model, (exchange) => {
        exchange.content(`I am ${model}`);
        exchange.end();
      }),
    ),
  );
  for (const [index, { url }] of backends.entries()) await hearth.agent({ backend: url, name: `agent ${index}` });
});
afterEach(async () => {
  await hearth[Symbol.asyncDispose]();
  for (const backend of backends) await backend[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

async function whoAnswers(): Promise<string> {
  const body = { model: "best", messages: [{ role: "user", content: "who?" }] };
  const answer = (await (await hearth.chat(body)).json()) as { choices: [{ message: { content: string } }] };
  return answer.choices[0].message.content;
}

/** Asks for the file to be read again, and waits for what is said of it. */
async function hangUp(msg: string): Promise<unknown> {
  const before = hearth.coordinator.logged(msg).length;
  hearth.coordinator.signal("SIGHUP");
  await hearth.coordinator.until(msg, () => hearth.coordinator.logged(msg).length > before);
  return hearth.coordinator.logged(msg).at(-1);
}

it("goes by the configuration file as it is after SIGHUP, from the next request on", async () => {
  expect(await whoAnswers()).toBe("I am first");
  expect((await hearth.get("/v1/models", OTHER_KEY)).status).toBe(401);
  const sha256 = createHash("sha256").update(OTHER_KEY).digest("hex");
  write({
    aliases: { best: { desired: "second" } },
    api_keys: [{ account: "alice", sha256 }],
    dispatch: { patience_ms: 30_000 },
  });
  expect(await whoAnswers()).toBe("I am first");
  expect(await hangUp(REREAD)).toMatchObject({
    changed: expect.arrayContaining(["aliases.best.desired", "api_keys", "dispatch.patience_ms"]),
  });
  expect(await whoAnswers()).toBe("I am second");
  expect((await hearth.get("/v1/models", OTHER_KEY)).status).toBe(200);
  expect(hearth.coordinator.stdout).not.toContain(sha256);
});

it("stays as it is when the file is not valid, says why, and takes the next one that is", async () => {
  write({ aliases: { best: { desired: "second" } }, dispatch: { patience_ms: 0 } });
  expect(await hangUp("configuration file not valid, nothing changed")).toMatchObject({
    problems: [expect.stringContaining("dispatch.patience_ms")],
  });
  write("{");
  await hangUp("configuration file not valid, nothing changed");
  expect(await whoAnswers()).toBe("I am first");
  write({ aliases: { best: { desired: "second" } } });
  expect(await hangUp(REREAD)).toMatchObject({ changed: ["aliases.best.desired"] });
  expect(await whoAnswers()).toBe("I am second");
});
