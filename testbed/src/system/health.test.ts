import { readFileSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { until } from "../scripted/answers.js";
import { startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

const { version } = JSON.parse(readFileSync(new URL("../../../coordinator/package.json", import.meta.url), "utf8")) as {
  version: string;
};

let hearth: TestCoordinator;
afterEach(() => hearth.stop());

const told = async (path: string): Promise<object> => (await (await hearth.get(path)).json()) as object;

it("tells of itself without a key, and counts the requests of the API only", async () => {
  hearth = await startTestCoordinator();
  // It answers when it is told to.
  const provider = await hearth.provider(() => {});
  expect(await told("/livez")).toEqual({
    ...{ status: "ok", version, uptime_seconds: expect.any(Number) },
    ...{ in_flight: 0, draining: false },
  });
  const asked = hearth.chat({ model: "m", messages: [{ role: "user", content: "hi" }] });
  await until("the request is there", () => provider.streams.length === 1);
  expect(await told("/livez")).toMatchObject({ in_flight: 1 });
  expect(await told("/health")).toEqual({
    ...{ status: "healthy", draining: false, providers: 1, in_flight: 1, reasons: [] },
  });
  provider.streams[0]?.answer("hello");
  expect(await (await asked).text()).toContain("hello");
  expect(await told("/livez")).toMatchObject({ in_flight: 0 });
});
