import { createHash, randomBytes } from "node:crypto";
import { serialHash } from "@hearth/attestation";
import type { RegisterFrame } from "@hearth/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AttestingMachine, GOOD_POSTURE } from "../scripted/attesting-machine.js";
import { ScriptedProvider, type ScriptedProviderOptions } from "../scripted/scripted-provider.js";
import { API_KEY, PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// Attacks on who is connected, in whose name, and for how long.

let hearth: TestCoordinator;

beforeEach(async () => {
  hearth = await startTestCoordinator({
    settings: {
      apiKeys: [],
      providerTokens: [{ sha256: sha256(OWNERS_TOKEN), account: "owner" }],
      catalog: { models: new Set(), aliases: new Map(), versionFloors: {}, trustMinimum: "none", rules: new Map() },
    },
  });
});
afterEach(() => hearth.stop());

const OWNERS_TOKEN = "owners-provider-token-0123456789";
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const ask = { model: "m", messages: [{ role: "user", content: "Hi" }] };

function dial(options: Partial<ScriptedProviderOptions> = {}): Promise<ScriptedProvider> {
  const url = `${hearth.url.replace("http", "ws")}/ws/provider`;
  return ScriptedProvider.connectOnly({ url, token: PROVIDER_TOKEN, script: () => {}, ...options });
}

/** How an attempt to register ends: the id, or the close reason. */
function ending(provider: ScriptedProvider): Promise<string> {
  const registered = expect.poll(() => provider.id, { timeout: 10_000 }).not.toBe("");
  return Promise.race([provider.closed.then(({ reason }) => reason), registered.then(() => "registered")]);
}

/** A machine's own token, by way of a one-use one. */
async function enrol(identity: string): Promise<{ readonly token: string; readonly machineId: string }> {
  const ordered = await fetch(`${hearth.url}/v1/enrolment-tokens`, {
    method: "POST",
    headers: { Authorization: `Bearer ${API_KEY}` },
    body: JSON.stringify({ count: 1 }),
  });
  const { data } = (await ordered.json()) as { data: { token: string }[] };
  const exchanged = await fetch(`${hearth.url}/oauth/token`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      grant_type: "urn:hearth:params:oauth:grant-type:enrolment-token",
      enrolment_token: data[0]?.token,
      ...{ identity, name: "Mini", platform: "test", agent_version: "1.0.0" },
    }),
  });
  const answer = (await exchanged.json()) as { access_token: string; machine_id: string };
  return { token: answer.access_token, machineId: answer.machine_id };
}

describe("a token that is revoked", () => {
  const revoke = (machineId: string): Promise<Response> =>
    fetch(`${hearth.url}/v1/machines/${machineId}`, {
      method: "DELETE",
      headers: { Authorization: `Bearer ${API_KEY}` },
    });

  it("closes the machine's connection at once, and lets it in no more", async () => {
    const machine = new AttestingMachine();
    const { token, machineId } = await enrol(machine.identity);
    const provider = await hearth.provider(() => {}, { machine, token });
    expect((await revoke(machineId)).status).toBe(200);
    expect((await provider.closed).reason).toBe("unauthorized");
    const again = await dial({ machine, token });
    again.send(await again.attestedFrame());
    expect(await ending(again)).toBe("unauthorized");
  });

  it("is waited for by nobody: a request that only its machine could serve is refused at once", async () => {
    const machine = new AttestingMachine();
    const { token, machineId } = await enrol(machine.identity);
    const provider = await hearth.provider((s) => s.answer("here"), { machine, token });
    expect((await hearth.chat(ask)).status).toBe(200);
    await revoke(machineId);
    await provider.closed;
    const gone = new AbortController();
    const response = hearth.chat(ask, { signal: gone.signal }).catch(() => undefined);
    const waits = expect.poll(() => hearth.coordinator.queued()).toBe(1);
    const outcome = await Promise.race([response.then((answer) => answer?.status), waits.then(() => "it waits")]);
    gone.abort();
    await Promise.allSettled([response, waits]);
    expect(outcome).toBe(503);
  });

  it("between a machine's register and its answer to the challenge lets it in no more", async () => {
    const machine = new AttestingMachine();
    const { token, machineId } = await enrol(machine.identity);
    let onChallenge = (_challenge: string): void => {};
    const challenged = new Promise<string>((resolve) => {
      onChallenge = resolve;
    });
    const provider = await dial({ machine, token, onChallenge: async (challenge) => onChallenge(challenge) });
    provider.send(await provider.attestedFrame());
    const challenge = await challenged;
    expect((await revoke(machineId)).status).toBe(200);
    await provider.answerChallenge(challenge);
    expect(await ending(provider)).toBe("unauthorized");
    expect(hearth.coordinator.registry.size).toBe(0);
  });

  it("is of no use to whoever stole it: it stands for one identity key", async () => {
    const machine = new AttestingMachine();
    const { token } = await enrol(machine.identity);
    const thief = await dial({ machine: new AttestingMachine(), token });
    thief.send(await thief.attestedFrame());
    expect(await ending(thief)).toBe("unauthorized");
    const unproved = await dial({ identity: machine.identity, token });
    unproved.send(unproved.registerFrame());
    expect(await ending(unproved)).toBe("unauthorized");
  });
});

describe("the public hash of a device's serial", () => {
  it("cannot be claimed by a machine that copies it, so that no allowlist leads to it", async () => {
    const salt = randomBytes(16);
    const hash = serialHash("C02HONEST", salt);
    const join = async (serial: object): Promise<ScriptedProvider> => {
      const machine = new AttestingMachine();
      const provider = await dial({ machine, script: (stream) => stream.answer("Hello") });
      const proof = await machine.attest(provider.key, { serialHash: hash });
      const frame = await provider.attestedFrame();
      provider.send({ ...frame, attestation: { ...proof, ...serial } } as RegisterFrame);
      return provider;
    };
    const honest = await join({ serial: { value: "C02HONEST", salt: salt.toString("base64url") } });
    expect(await ending(honest)).toBe("registered");
    const thief = await join({});
    expect(await ending(thief)).toBe("untrusted");
    const chosen = await hearth.chat(ask, { headers: { "X-Hearth-Providers": hash } });
    expect(chosen.headers.get("x-provider-id")).toBe(honest.id);
  });
});

describe("a machine that floods the coordinator with new keys", () => {
  it("is closed as untrusted, and takes nobody with it", async () => {
    const honest = await hearth.provider((stream) => stream.answer("Hello"), { machine: new AttestingMachine() });
    const machine = new AttestingMachine();
    const flooder = await hearth.provider(() => {}, { machine });
    const { encryption_key } = flooder.registerFrame();
    for (let n = 0; n < 30; n++) {
      flooder.send({ type: "key_update", encryption_key, attestation: await machine.attest(flooder.key) });
    }
    expect((await flooder.closed).reason).toBe("untrusted");
    const metrics = await (await hearth.get("/metrics")).text();
    expect(metrics).toContain('hearth_proofs_total{kind="key_update",outcome="too_often"} 1');
    await honest.rotateKey();
    expect((await hearth.chat(ask)).headers.get("x-provider-id")).toBe(honest.id);
  });
});

describe("the program's hash", () => {
  it("in the answer to the first challenge must be the attested one", async () => {
    const machine = new AttestingMachine();
    const provider = await dial({
      machine,
      onChallenge: (challenge, asked) => {
        machine.posture = { ...GOOD_POSTURE, binary_hash: "b".repeat(64) };
        return asked.answerChallenge(challenge);
      },
    });
    provider.send(await provider.attestedFrame());
    expect(await ending(provider)).toBe("untrusted");
    const metrics = await (await hearth.get("/metrics")).text();
    expect(metrics).toContain('hearth_proofs_total{kind="challenge",outcome="mismatch"} 1');
  });
});

describe("a machine that its owner keeps to himself", () => {
  it("gets no stranger's request when it comes back, not even one that has waited for it", async () => {
    const identity = Buffer.alloc(32, 7).toString("base64url");
    const own = { identity, token: OWNERS_TOKEN, register: { private_only: true } as Partial<RegisterFrame> };
    const before = await hearth.provider(() => {}, own);
    before.heartbeat([], { private_only: true });
    const { registry } = hearth.coordinator;
    await expect.poll(() => registry.link(before.id as never)?.availableTo).toBe("owner");
    // Its owner lends it out for a moment, and a stranger's request waits for it to return.
    before.heartbeat([]);
    await expect.poll(() => registry.link(before.id as never)?.availableTo).toBe("everyone");
    before.terminate();
    await expect.poll(() => registry.link(before.id as never)).toBeUndefined();
    const gone = new AbortController();
    const waiting = hearth.chat(ask, { signal: gone.signal }).catch(() => undefined);
    await expect.poll(() => hearth.coordinator.queued()).toBe(1);
    const after = await hearth.provider((stream) => stream.answer("Hello"), own);
    after.heartbeat([], { private_only: true });
    await expect.poll(() => registry.link(after.id as never)?.availableTo).toBe("owner");
    expect(after.streams).toHaveLength(0);
    gone.abort();
    await waiting;
  });
});
