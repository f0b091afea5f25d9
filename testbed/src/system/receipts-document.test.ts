import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AttestingMachine } from "../scripted/attesting-machine.js";
import { startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

const DOCUMENT = readFileSync(new URL("../../../docs/receipts.md", import.meta.url), "utf8");

let hearth: TestCoordinator;
let folder: string;

beforeEach(async () => {
  hearth = await startTestCoordinator();
  folder = mkdtempSync(join(tmpdir(), "hearth-receipts-"));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await hearth.stop();
});

it("the snippet of docs/receipts.md verifies a receipt, and refuses every other", async () => {
  const snippet = /```js\n(.*?)```/s.exec(DOCUMENT)?.[1] as string;
  expect(snippet.split("\n").filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(33);
  const script = join(folder, "verify-receipt.mjs");
  writeFileSync(script, snippet);
  await hearth.provider((stream) => stream.answer("Hello"), { machine: new AttestingMachine() });
  const answer = await hearth.chat({ model: "m", messages: [{ role: "user", content: "Hi" }] });
  const receipt = (await hearth.receipt(answer)) as Receipt;
  const statusOf = (document: unknown): number | null => {
    const file = join(folder, "receipt.json");
    writeFileSync(file, JSON.stringify(document));
    return spawnSync(process.execPath, [script, file], { encoding: "utf8" }).status;
  };
  expect(statusOf(receipt)).toBe(0);
  const changed = Buffer.from(receipt.receipt.blob, "base64url").toString("utf8").replace('"m"', '"n"');
  const blob = Buffer.from(changed).toString("base64url");
  expect(statusOf({ ...receipt, receipt: { ...receipt.receipt, blob } })).toBe(1);
  expect(statusOf({ ...receipt, provider_id: "prv_bOreFxvKzzJxx2FX" })).toBe(1);
  expect(statusOf({ ...receipt, receipt: receipt.attestation })).toBe(1);
});

interface Receipt {
  readonly receipt: { readonly blob: string; readonly signature: string };
  readonly attestation: object;
}
