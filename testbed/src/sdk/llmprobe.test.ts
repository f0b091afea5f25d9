import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { TestAgent } from "../../../provider-agent/src/testing/test-agent.js";
import { until } from "../scripted/answers.js";
import { API_KEY, PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { SpawnedProcess } from "../system/spawned-process.js";
import { program, startBehindLlamaServer } from "./behind-llama-server.test-set-up.js";
import { installWanted } from "./npm-install.js";
import { OBLIGING, obligingModel } from "./obliging-model.js";

// llmprobe holds a server against what OpenAI's and Anthropic's APIs demand, and the model against what people demand.
// Only the server is judged here.

/** Newer ones may ask for more: this may be raised freely. */
const NPM = "llmprobe@0.6.12";
const RUN_MS = 300_000;

/**
 * What it demands of Messages and Anthropic does not say: there, `input_tokens` has no part of what came from the cache
 * (the input is the sum of `input_tokens` and both cache counts), so that the latter may be the larger.
 */
const NOT_ANTHROPICS: ReadonlySet<string> = new Set(["messages-usage-cached-bound"]);

interface Report {
  readonly conformance: {
    readonly total: number;
    readonly results: readonly {
      readonly id: string;
      readonly outcome: string;
      readonly failures: readonly { readonly id: string; readonly severity: string; readonly message?: string }[];
    }[];
  };
}

interface World extends AsyncDisposable {
  readonly url: string;
  readonly model: string;
}

const WORLDS: Readonly<Record<string, { readonly least: number; start(): Promise<World> }>> = {
  "a model that does what it is told": {
    least: 214,
    async start() {
      const hearth = await startTestCoordinator();
      await hearth.provider(obligingModel, { models: [{ id: "m", ...OBLIGING }] });
      return worldOf(hearth, "m");
    },
  },
  "the embedded engine": {
    least: 199,
    async start() {
      const hearth = await startTestCoordinator();
      const agent = new TestAgent({
        coordinators: [`${hearth.url.replace("http", "ws")}/ws/provider`],
        backend: "embedded",
        config: { tokenFor: () => PROVIDER_TOKEN },
      });
      await until("the agent serves its model", () => hearth.coordinator.registry.serves("pico"), 20_000);
      return worldOf(hearth, "pico", agent);
    },
  },
  ...(program === undefined
    ? {}
    : {
        "a real llama-server": {
          least: 199,
          async start() {
            const behind = await startBehindLlamaServer();
            return {
              url: behind.hearth.url,
              model: "pico",
              [Symbol.asyncDispose]: () => behind[Symbol.asyncDispose](),
            };
          },
        },
      }),
};

function worldOf({ url, stop }: TestCoordinator, model: string, agent?: AsyncDisposable): World {
  return {
    url,
    model,
    async [Symbol.asyncDispose]() {
      await agent?.[Symbol.asyncDispose]();
      await stop();
    },
  };
}

const root = await installWanted(NPM);
afterAll(() => root && rmSync(root, { recursive: true, force: true }));

describe("llmprobe, unchanged", () => {
  it.skipIf(root === undefined).each(Object.entries(WORLDS))(
    "finds all that it demands behind %s",
    async (_name, { least, start }) => {
      await using world = await start();
      const saved = join(root ?? "", `${world.model}.json`);
      await using running = new SpawnedProcess({
        name: "llmprobe",
        file: process.execPath,
        args: [
          join(root ?? "", "node_modules/llmprobe/bin/dist/llmprobe.mjs"),
          ...[`${world.url}/v1`, "-k", API_KEY, "-m", world.model],
          // Thoughts are had where a test is about them. Its schema of a stream is Open Responses', whose events for them
          // have other names than OpenAI's.
          ...["--reasoning", "default", "--no-bench", "--no-save", "--no-color", "--save", saved],
        ],
        env: { HOME: root ?? "" },
      });
      await running.exited;
      const { conformance } = JSON.parse(readFileSync(saved, "utf8")) as Report;
      const missed = conformance.results.flatMap(({ failures }) => failures).filter((f) => f.severity === "MUST");
      expect(missed.filter(({ id }) => !NOT_ANTHROPICS.has(id))).toEqual([]);
      expect(conformance.total).toBeGreaterThanOrEqual(least);
    },
    RUN_MS,
  );
});
