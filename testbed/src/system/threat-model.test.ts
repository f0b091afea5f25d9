import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { DEFAULT_POLICY, type Logger } from "@hearth/coordinator";
import type { RegisterFrame } from "@hearth/protocol";
import { afterEach, describe, expect, it } from "vitest";
// Not of the package's interface: what main.ts opens.
import { openSqliteStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { AttestingMachine } from "../scripted/attesting-machine.js";
import { ScriptedProvider, type ScriptedProviderOptions } from "../scripted/scripted-provider.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { API_KEY, PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { tracesOf } from "./traces-of-text.js";

// The rows of docs/threat-model.md that no other test covers.

let hearth: TestCoordinator;
afterEach(() => hearth.stop());

const PROMPT = "the heron buried 30917 letters under the jetty";
const COMPLETION = "a miller then traded 55480 of them for salt";
const ask = { model: "m", messages: [{ role: "user", content: PROMPT }] };

function dial(options: Partial<ScriptedProviderOptions> = {}): Promise<ScriptedProvider> {
  const url = `${hearth.url.replace("http", "ws")}/ws/provider`;
  return ScriptedProvider.connectOnly({ url, token: PROVIDER_TOKEN, script: () => {}, ...options });
}

async function closings(reason: string): Promise<number> {
  const text = await (await hearth.get("/metrics")).text();
  const start = `hearth_provider_connections_closed_total{reason="${reason}"} `;
  const line = text.split("\n").find((each) => each.startsWith(start));
  return Number(line?.slice(start.length) ?? 0);
}

describe("a machine that answers one request with what it sealed for another", () => {
  /** The second request's script gets the first one's stream. */
  const withFirst = (second: (first: ScriptedStream, stream: ScriptedStream) => void | Promise<void>) => {
    let first: ScriptedStream | undefined;
    return (stream: ScriptedStream): void | Promise<void> => {
      if (first !== undefined) return second(first, stream);
      first = stream;
      stream.role();
      stream.content("first");
      return undefined;
    };
  };
  const BODY = `data: {"choices":[{"index":0,"delta":{"content":"stolen"}}]}\n\n`;

  it("while both run: it is closed as untrusted, and neither consumer sees a word of the other's", async () => {
    hearth = await startTestCoordinator();
    const script = withFirst((first, stream) => {
      const foreign = first.sealed(BODY);
      new DataView(foreign.buffer, foreign.byteOffset).setUint32(1, stream.frame.stream);
      stream.sendFrame(foreign);
    });
    const provider = await hearth.provider(script, { machine: new AttestingMachine() });
    const one = await hearth.chat({ ...ask, stream: true });
    const two = await hearth.chat({ ...ask, stream: true });
    expect((await provider.closed).reason).toBe("untrusted");
    const texts = [await one.text(), await two.text()];
    expect(two.status === 200 && !texts[1]?.includes('"error"')).toBe(false);
    expect(texts.join()).not.toContain("stolen");
    expect(texts[0]).toContain('"error"');
    expect(await closings("untrusted")).toBe(1);
  });

  it("under the key of an earlier request, which it had before it changed its own: the same", async () => {
    hearth = await startTestCoordinator();
    const script = withFirst((first, stream) => {
      const earlier = first.sealed(BODY);
      // As the first chunk of the second stream: only the key is wrong, not the number.
      const frame = new DataView(earlier.buffer, earlier.byteOffset);
      frame.setUint32(1, stream.frame.stream);
      frame.setUint32(5, 0);
      stream.sendFrame(earlier);
    });
    const provider = await hearth.provider(script, { machine: new AttestingMachine() });
    const gone = new AbortController();
    await hearth.chat({ ...ask, stream: true }, { signal: gone.signal });
    gone.abort();
    await provider.rotateKey();
    const { registry } = hearth.coordinator;
    await expect.poll(() => registry.link(provider.id as never)?.encryptionKey.keyId).toBe(provider.key.keyId);
    const response = await hearth.chat({ ...ask, stream: true });
    const text = await response.text();
    expect((await provider.closed).reason).toBe("untrusted");
    expect(response.status).not.toBe(200);
    expect(text).not.toContain("stolen");
  });
});

describe("somebody who has recorded a machine's registration and its answer", () => {
  it("gets nowhere with them, not even at a coordinator that remembers no nonce", async () => {
    hearth = await startTestCoordinator();
    const honest = await hearth.provider(() => {}, { machine: new AttestingMachine() });
    const recorded = honest.wire.map((bytes) => bytes.toString("utf8"));
    const register = recorded.find((text) => text.startsWith('{"type":"register"')) as string;
    const answer = recorded.find((text) => text.startsWith('{"type":"challenge_response"')) as string;
    const { url } = hearth;
    await hearth.stop();
    hearth = await startTestCoordinator();
    expect(hearth.url).not.toBe(url);
    const thief = await dial({ onChallenge: async (_challenge, provider) => provider.sendText(answer) });
    thief.sendText(register);
    expect((await thief.closed).reason).toBe("untrusted");
    const metrics = await (await hearth.get("/metrics")).text();
    expect(metrics).toContain('hearth_proofs_total{kind="attestation",outcome="ok"} 1');
    expect(metrics).toContain('hearth_proofs_total{kind="challenge",outcome="wrong_challenge"} 1');
  });
});

describe("X-Hearth-Min-Trust holds", () => {
  const proved = { headers: { "X-Hearth-Min-Trust": "self_attested" } };

  it("for a retry after a failure", async () => {
    hearth = await startTestCoordinator();
    const unproved = await hearth.provider((stream) => stream.answer("unproved"));
    let failures = 0;
    const failOnce = (stream: ScriptedStream): void => {
      failures += 1;
      if (failures === 1) stream.error();
      else stream.answer("proved");
    };
    for (let n = 0; n < 2; n++) await hearth.provider(failOnce, { machine: new AttestingMachine() });
    const response = await hearth.chat(ask, proved);
    expect([response.status, response.headers.get("x-attempts")]).toEqual([200, "2"]);
    expect(response.headers.get("x-provider-trust-level")).toBe("self_attested");
    expect(unproved.streams).toHaveLength(0);
  });

  it("for a backup that races a slow machine", async () => {
    hearth = await startTestCoordinator({ policy: { ...DEFAULT_POLICY, ttftBaseMs: 400, ttftPerThousandTokensMs: 0 } });
    const unproved = await hearth.provider((stream) => stream.answer("unproved"));
    const streams: ScriptedStream[] = [];
    const slowOnce = (stream: ScriptedStream): void => {
      streams.push(stream);
      if (streams.length > 1) stream.answer("proved");
    };
    for (let n = 0; n < 2; n++) await hearth.provider(slowOnce, { machine: new AttestingMachine() });
    const response = await hearth.chat(ask, proved);
    expect([response.status, response.headers.get("x-attempts")]).toEqual([200, "2"]);
    expect(unproved.streams).toHaveLength(0);
  });

  it("for a request that has waited for room", async () => {
    hearth = await startTestCoordinator();
    const slots = [{ model: "m", state: "running", running: 0, queued: 0, max_concurrency: 1 }] as const;
    const held: ScriptedStream[] = [];
    const hold = (stream: ScriptedStream): void => void held.push(stream);
    const machine = await hearth.provider(hold, { machine: new AttestingMachine(), slots });
    const first = hearth.chat(ask, proved);
    await expect.poll(() => held.length).toBe(1);
    const second = hearth.chat(ask, proved);
    await expect.poll(() => hearth.coordinator.queued()).toBe(1);
    const unproved = await hearth.provider((stream) => stream.answer("unproved"), { slots });
    expect(hearth.coordinator.queued()).toBe(1);
    held[0]?.answer("one");
    await expect.poll(() => held.length).toBe(2);
    held[1]?.answer("two");
    const ids = [await first, await second].map(({ headers }) => headers.get("x-provider-id"));
    expect(ids).toEqual([machine.id, machine.id]);
    expect(unproved.streams).toHaveLength(0);
  });
});

describe("whoever steals the database", () => {
  it("finds in it no prompt, no completion, no key and no token", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "hearth-stolen-"));
    hearth = await startTestCoordinator({ store: await openSqliteStore(dataDir) });
    const ordered = await fetch(`${hearth.url}/v1/enrolment-tokens`, {
      method: "POST",
      headers: { Authorization: `Bearer ${API_KEY}` },
      body: JSON.stringify({ count: 2, note: "a note that anybody may read" }),
    });
    const { data } = (await ordered.json()) as { data: { token: string }[] };
    const machine = new AttestingMachine();
    const redeemed = await fetch(`${hearth.url}/oauth/token`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        grant_type: "urn:hearth:params:oauth:grant-type:enrolment-token",
        enrolment_token: data[0]?.token,
        ...{ identity: machine.identity, name: "Mini", platform: "test", agent_version: "1.0.0" },
      }),
    });
    const { access_token: token } = (await redeemed.json()) as { access_token: string };
    await hearth.provider((stream) => stream.answer(COMPLETION), { machine, token });
    const response = await hearth.chat(ask);
    expect(await response.text()).toContain(COMPLETION);
    const receipt = `/v1/receipts/${response.headers.get("x-receipt-id")}`;
    await expect.poll(async () => (await hearth.get(receipt)).status).toBe(200);
    await hearth.stop();
    const stolen = Buffer.concat(readdirSync(dataDir).map((name) => readFileSync(join(dataDir, name))));
    const secrets = [PROMPT, COMPLETION, API_KEY, PROVIDER_TOKEN, token, ...data.map((each) => each.token)];
    for (const secret of secrets) expect(tracesOf(secret, stolen)).toEqual([]);
    // The search does find what is there: the note, and the receipt.
    expect(tracesOf("a note that anybody may read", stolen)).toEqual(["plain"]);
    expect(tracesOf("hearth.receipt.v2", stolen)).toEqual(["plain"]);
    rmSync(dataDir, { recursive: true });
  });
});

describe("the log", () => {
  /** Keeps every word that is logged, at any level. */
  function recorder(lines: string[]): Logger {
    const write = (...said: unknown[]): void => void lines.push(inspect(said, { depth: 8, showHidden: true }));
    const levels = { trace: write, debug: write, info: write, warn: write, error: write, fatal: write };
    const child = (bindings: object): object => {
      write(bindings);
      return log;
    };
    const log = { ...levels, child };
    return log as unknown as Logger;
  }

  it("of refusals, failures and cheats holds no prompt, no completion, no key and no token", async () => {
    const lines: string[] = [];
    hearth = await startTestCoordinator({ log: recorder(lines) });
    const stolen = "hm-a-stolen-token-0123456789abcdef";
    const refused = await dial({ token: stolen });
    refused.send(refused.registerFrame());
    await refused.closed;
    const forged = await dial({ machine: new AttestingMachine() });
    const frame = await forged.attestedFrame();
    const signature = randomBytes(64).toString("base64url");
    forged.send({ ...frame, attestation: { ...frame.attestation, signature } } as RegisterFrame);
    await forged.closed;
    const cheat = await hearth.provider(
      (stream) => {
        stream.content(COMPLETION);
        stream.rawFrame(Buffer.from(COMPLETION), 1, false);
      },
      { machine: new AttestingMachine() },
    );
    await (await hearth.chat({ ...ask, stream: true })).text();
    expect((await cheat.closed).reason).toBe("untrusted");
    await hearth.chat(`{"model": ${PROMPT}`);
    await hearth.get("/v1/models", stolen);
    const log = Buffer.from(lines.join("\n"));
    for (const secret of [PROMPT, COMPLETION, API_KEY, PROVIDER_TOKEN, stolen, signature]) {
      expect(tracesOf(secret, log)).toEqual([]);
    }
    expect(tracesOf("proof failed: bad_signature", log)).toEqual(["plain"]);
    expect(tracesOf("provider gone", log)).not.toEqual([]);
  });
});
