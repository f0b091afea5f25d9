import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { type OutputChunk, rolldown } from "rolldown";
import { beforeAll, expect, it } from "vitest";
import { FakeCoordinator } from "./testing/fake-coordinator.js";

let bundle: OutputChunk;

beforeAll(async () => {
  const build = await rolldown({
    input: fileURLToPath(new URL("index.ts", import.meta.url)),
    platform: "browser",
    // A consumer would resolve the built files; the source condition lets the test run before any build.
    resolve: { conditionNames: ["hearth-source", "browser", "import", "default"] },
    onLog: (_level: string, log: { message: string }) => expect.fail(log.message),
  });
  const { output } = await build.generate({ format: "iife", name: "bundled", minify: true });
  await build.close();
  expect(output).toHaveLength(1);
  [bundle] = output;
});

it("is bundled for a browser without a trace of Node", () => {
  expect([...bundle.imports, ...bundle.dynamicImports]).toEqual([]);
  expect(bundle.code.match(/node:\w+|require\(|\bBuffer\b|(?<!\.)\bprocess\./)).toBeNull();
});

it("seals and opens in a realm that has what browsers have, and nothing of Node's", async () => {
  const coordinator = new FakeCoordinator('{"answer":"yes"}');
  const { crypto, TextEncoder, TextDecoder, btoa, atob, URL, Headers, Request, Response, TransformStream } = globalThis;
  const platform = { crypto, TextEncoder, TextDecoder, btoa, atob, URL, Headers, Request, Response, TransformStream };
  const realm = createContext({ ...platform, carry: coordinator.fetch });
  runInContext(bundle.code, realm);
  const answer: unknown = await runInContext(
    `bundled.createSealedFetch({ baseUrl: "https://hearth.test", fetch: carry })(
      "https://hearth.test/v1/responses",
      { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"input":"hi"}' },
    ).then((response) => response.text())`,
    realm,
  );
  expect(answer).toBe('{"answer":"yes"}');
  expect(coordinator.bodies).toEqual(['{"input":"hi"}']);
});
