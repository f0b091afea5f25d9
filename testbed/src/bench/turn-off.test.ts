import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { programFile } from "./program-file.js";
import type { Feature } from "./turn-off.js";

const run = promisify(execFile);
const HOOK = pathToFileURL(fileURLToPath(new URL("../../dist/bench/feature-hook.js", import.meta.url))).href;
const module_ = (...of: Parameters<typeof programFile>): string => pathToFileURL(programFile(...of)).href;

const E2E = pathToFileURL(fileURLToPath(new URL("../../../e2e/dist/index.js", import.meta.url))).href;

let dataDir: string;
beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), "hearth-off-"));
});
afterAll(() => rmSync(dataDir, { recursive: true }));

/** What a script prints in a process of its own, in which something may be turned off. */
async function printed(script: string, off?: string): Promise<string> {
  const hook = off === undefined ? [] : ["--import", `${HOOK}?off=${off}`];
  const env = { ...process.env, HEARTH_AGENT_DATA_DIR: dataDir };
  const { stdout } = await run(process.execPath, [...hook, "--input-type=module", "-e", script], { env });
  return stdout.trim();
}

const RECEIPTS = `
  const { Receipts } = await import("${module_("provider-agent", "attest/receipts.js")}");
  const { loadSoftwareIdentity } = await import("${module_("provider-agent", "attest/software-identity.js")}");
  const signer = loadSoftwareIdentity(process.env.HEARTH_AGENT_DATA_DIR, "bench");
  const receipts = new Receipts({ signer, wallTime: () => 0, weightsHash: () => undefined });
  const draft = (id) => receipts.start({ request_id: id, attempt_id: id, model: "m" });
  const usage = { prompt_tokens: 1, completion_tokens: 1 };
  const drafts = [draft("one"), draft("two")];
`;

/** A script for each, and what it prints with the feature on and off. */
const SCRIPTS: Readonly<Record<Feature, readonly [script: string, on: string, off: string]>> = {
  receipts: [
    `${RECEIPTS}
    const { Prover } = await import("${module_("provider-agent", "attest/prover.js")}");
    const prover = new Prover({ signer, posture: async () => ({}), agentVersion: "1", wallTime: () => 0 });
    const attested = await prover.attest({ publicKey: new Uint8Array(32) }).catch(() => "tried");
    console.log(drafts.map((each) => typeof each).join(), typeof attested);`,
    "object,object object",
    "undefined,undefined undefined",
  ],
  "receipt-batches": [
    `${RECEIPTS}
    const signed = await Promise.all(drafts.map((each) => each.finish({ usage, lastSeq: 1 })));
    console.log(signed.map(({ batch }) => JSON.parse(Buffer.from(batch.blob, "base64url")).count).join());`,
    "2,2",
    "1,1",
  ],
  "shared-contexts": [
    `const { ProviderContexts } = await import("${module_("coordinator", "sealing/provider-contexts.js")}");
    let made = 0;
    const create = () => ({ contextId: ++made, encapsulatedKey: new Uint8Array(1), [Symbol.dispose ?? "x"]() {} });
    const clock = { setTimer: () => ({ [Symbol.dispose ?? "x"]() {} }) };
    const contexts = new ProviderContexts(clock, create);
    const key = { keyId: "k" };
    const connection = {};
    console.log([1, 2].map(() => contexts.of(connection, key).announcement.context_id).join());`,
    "1,1",
    "1,2",
  ],
  padding: [
    `const { createSealingContext, createOpeningContext, generateKeyPair } = await import("${E2E}");
    const pair = generateKeyPair();
    const sealing = createSealingContext(pair.publicKey);
    const opening = createOpeningContext(pair, sealing.encapsulatedKey);
    const binding = { requestId: "r", attemptId: "a" };
    const request = sealing.attempt(binding).seal(new Uint8Array(7), true);
    const received = opening.attempt(binding);
    received.open(request, 0, true);
    const answers = [false, true].map((final) => received.response.seal(new Uint8Array(7), final));
    console.log([request, answers[1]].map((each) => each.length).join());`,
    // The buckets begin with 64 bytes; the tag takes 16.
    "80,80",
    "24,24",
  ],
  metrics: [
    `const { createMetrics } = await import("${module_("coordinator", "platform/metrics.js")}");
    const { registry, requests, requestSeconds, queueDepth } = createMetrics();
    requests.inc({ result: "success" });
    requestSeconds.observe(1);
    queueDepth.set(7);
    const text = await registry.metrics();
    const shown = ["requests_total{", "duration_seconds_count 1", "queue_depth 7", "process_cpu"];
    console.log(shown.map((each) => text.includes(each)).join());
    process.exit();`,
    "true,true,true,true",
    "false,false,false,false",
  ],
  records: [
    `const { UsageWriter } = await import("${module_("coordinator", "ledger/usage-writer.js")}");
    const { ReceiptWriter } = await import("${module_("coordinator", "receipts/receipt-writer.js")}");
    const timer = { [Symbol.dispose ?? "x"]() {} };
    const clock = { setTimer: () => timer, setInterval: () => timer, now: () => 0, wallTime: () => 0 };
    const usage = new UsageWriter({ clock, store: {}, settings: () => ({}) });
    const receipts = new ReceiptWriter({ clock, receipts: { find: () => undefined } });
    usage.keep({ requestId: "r", account: "a", atMs: 0 });
    receipts.keep({ requestId: "r", account: "a" }, new Promise(() => {}));
    console.log(await receipts.find("r", "a"));
    process.exit();`,
    "pending",
    "undefined",
  ],
  eligibility: [
    `const { EligibilityReader } = await import("${module_("coordinator", "selection/eligibility.js")}");
    const provider = { id: "p", models: new Map(), account: "a" };
    const clock = { now: () => 0, wallTime: () => 0 };
    const reader = new EligibilityReader({ clock, directory: { link: () => provider } });
    console.log(typeof reader.gates("p"));`,
    "string",
    "undefined",
  ],
};

describe("what is turned off", () => {
  it.each(Object.entries(SCRIPTS))("is on without it, and off with it: %s", async (feature, [script, on, off]) => {
    expect(await Promise.all([printed(script), printed(script, feature)])).toEqual([on, off]);
  });

  it("must be something", async () => {
    await expect(printed("", "taste")).rejects.toThrow("No such feature: taste");
  });
});
