import { createECDH, randomBytes } from "node:crypto";
import { identityOf, newSoftwareKey, softwareSigner } from "@hearth/attestation";
import { generateKeyPair } from "@hearth/e2e";
import type { CloseReason, RegisterFrame } from "@hearth/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AttestingMachine } from "../scripted/attesting-machine.js";
import { type Script, ScriptedProvider, type ScriptedProviderOptions } from "../scripted/scripted-provider.js";
import { PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// The table of the threat model: whatever a dishonest machine sends has a named end and a counter.

let hearth: TestCoordinator;

beforeEach(async () => {
  hearth = await startTestCoordinator();
});
afterEach(() => hearth.stop());

const ask = { model: "m", messages: [{ role: "user", content: "Hi" }] };
const P256_ORDER = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

async function counted(kind: string, outcome: string): Promise<number> {
  const text = await (await hearth.get("/metrics")).text();
  const line = text
    .split("\n")
    .find((each) => each.startsWith(`hearth_proofs_total{kind="${kind}",outcome="${outcome}"}`));
  return Number(line?.split(" ").at(-1) ?? 0);
}

/** A socket that is open and has said nothing. */
function dial(options: Partial<ScriptedProviderOptions> = {}): Promise<ScriptedProvider> {
  const url = `${hearth.url.replace("http", "ws")}/ws/provider`;
  return ScriptedProvider.connectOnly({ url, token: PROVIDER_TOKEN, script: () => {}, ...options });
}

type Spoil = (
  frame: RegisterFrame,
  machine: AttestingMachine,
  other: AttestingMachine,
) => RegisterFrame | Promise<RegisterFrame>;

const attestation = (frame: RegisterFrame): NonNullable<RegisterFrame["attestation"]> => {
  if (frame.attestation === undefined) throw new Error("it does not attest");
  return frame.attestation;
};
const withAttestation = (frame: RegisterFrame, changes: object): RegisterFrame => ({
  ...frame,
  attestation: { ...attestation(frame), ...changes },
});

function highS(signature: string): string {
  const bytes = Buffer.from(signature, "base64url");
  const s = BigInt(`0x${bytes.subarray(32).toString("hex")}`);
  return Buffer.concat([
    bytes.subarray(0, 32),
    Buffer.from((P256_ORDER - s).toString(16).padStart(64, "0"), "hex"),
  ]).toString("base64url");
}

const encryptionKeyOf = (frame: RegisterFrame) => ({
  keyId: frame.encryption_key.key_id,
  publicKey: Buffer.from(frame.encryption_key.public_key, "base64url"),
});

const REGISTRATIONS: readonly (readonly [string, CloseReason, string | undefined, Spoil])[] = [
  ["a blob that is no base64url", "malformed_frame", undefined, (frame) => withAttestation(frame, { blob: "%%%%" })],
  [
    "a blob over its limit",
    "malformed_frame",
    undefined,
    (frame) => withAttestation(frame, { blob: randomBytes(9_000).toString("base64url") }),
  ],
  [
    "a signature of the wrong length",
    "malformed_frame",
    undefined,
    (frame) => withAttestation(frame, { signature: randomBytes(63).toString("base64url") }),
  ],
  [
    "a signature with the higher s",
    "untrusted",
    "bad_signature",
    (frame) => withAttestation(frame, { signature: highS(attestation(frame).signature) }),
  ],
  [
    "a blob that is not what was signed",
    "untrusted",
    "bad_signature",
    (frame) => {
      const content = Buffer.from(attestation(frame).blob, "base64url").toString("utf8");
      return withAttestation(frame, { blob: Buffer.from(`${content} `).toString("base64url") });
    },
  ],
  [
    "the point at infinity for a key",
    "untrusted",
    "bad_key",
    (frame) => withAttestation(frame, { identity_key: Buffer.alloc(65).toString("base64url") }),
  ],
  [
    "a key of another curve",
    "untrusted",
    "bad_key",
    (frame) => {
      const point = createECDH("secp256k1").generateKeys();
      return { ...withAttestation(frame, { identity_key: point.toString("base64url") }), identity: identityOf(point) };
    },
  ],
  [
    "the attestation of another machine, beside its own identity",
    "untrusted",
    "mismatch",
    async (frame, _machine, other) => ({ ...frame, attestation: await other.attest(encryptionKeyOf(frame)) }),
  ],
  [
    "the attestation of another machine, under its own key",
    "untrusted",
    "bad_signature",
    async (frame, _machine, other) => {
      const { blob, signature } = await other.attest(encryptionKeyOf(frame));
      return withAttestation(frame, { blob, signature });
    },
  ],
  [
    "the identity of another machine",
    "untrusted",
    "mismatch",
    (frame, _machine, other) => ({ ...frame, identity: other.identity }),
  ],
  [
    "an encryption key that was not attested",
    "untrusted",
    "mismatch",
    (frame) => {
      const { keyId, publicKey } = generateKeyPair();
      return { ...frame, encryption_key: { key_id: keyId, public_key: Buffer.from(publicKey).toString("base64url") } };
    },
  ],
  [
    "a version that was not attested",
    "untrusted",
    "mismatch",
    (frame) => ({ ...frame, agent: { ...frame.agent, version: "9.9.9" } }),
  ],
  [
    "an attestation older than its window",
    "stale_attestation",
    "outside_window",
    async (frame, machine) => ({
      ...frame,
      attestation: await machine.attest(encryptionKeyOf(frame), { nowMs: Date.now() - 121_000 }),
    }),
  ],
  [
    "a posture with SIP off",
    "untrusted",
    "bad_posture",
    async (frame, machine) => {
      machine.posture = { ...machine.posture, sip: false };
      return { ...frame, attestation: await machine.attest(encryptionKeyOf(frame)) };
    },
  ],
  [
    "a serial that the blob does not commit to",
    "untrusted",
    "serial_mismatch",
    (frame) =>
      withAttestation(frame, { serial: { value: "C02XL0GTJGH5", salt: randomBytes(16).toString("base64url") } }),
  ],
  [
    "certificates that are none",
    "untrusted",
    "bad_chain",
    (frame) => withAttestation(frame, { certificates: [randomBytes(300).toString("base64url")] }),
  ],
];

describe("a registration with", () => {
  it.each(REGISTRATIONS)("%s ends as %s", async (_name, reason, outcome, spoil) => {
    const machine = new AttestingMachine();
    const provider = await dial({ machine });
    const frame = await spoil(await provider.attestedFrame(), machine, new AttestingMachine());
    provider.send(frame);
    expect((await provider.closed).reason).toBe(reason);
    expect(hearth.coordinator.registry.size).toBe(0);
    if (outcome !== undefined) expect(await counted("attestation", outcome)).toBe(1);
  });
});

describe("somebody who has recorded a registration", () => {
  it("cannot use it again, and pushes nobody out by trying", async () => {
    const machine = new AttestingMachine();
    const honest = await dial({ machine });
    const frame = await honest.attestedFrame();
    honest.send(frame);
    await expect.poll(() => honest.id).not.toBe("");
    const thief = await dial();
    thief.send(frame);
    expect((await thief.closed).reason).toBe("untrusted");
    expect(await counted("attestation", "replayed")).toBe(1);
    expect(honest.socket.readyState).toBe(honest.socket.OPEN);
    expect(hearth.coordinator.registry.link(honest.id as never)?.untrusted).toBe(false);
  });

  it("who knows only the public key gets another id without a proof", async () => {
    const machine = new AttestingMachine();
    const honest = await hearth.provider((stream) => stream.answer("Hello"), { machine });
    const thief = await hearth.provider(() => {}, { identity: machine.identity });
    expect(thief.id).not.toBe(honest.id);
    expect(honest.socket.readyState).toBe(honest.socket.OPEN);
  });
});

describe("the challenge at registration", () => {
  const answers: readonly (readonly [
    string,
    CloseReason,
    string | undefined,
    ScriptedProviderOptions["onChallenge"],
  ])[] = [
    [
      "answered by another machine",
      "untrusted",
      "bad_signature",
      async (challenge, provider) => provider.send(await new AttestingMachine().answer(challenge, provider.key)),
    ],
    [
      "answered with what was signed for another challenge",
      "untrusted",
      "wrong_challenge",
      async (challenge, provider) => {
        const foreign = await (provider.machine as AttestingMachine).answer(
          randomBytes(32).toString("base64url"),
          provider.key,
        );
        provider.send({ ...foreign, challenge });
      },
    ],
    [
      "answered about another challenge",
      "untrusted",
      "wrong_challenge",
      async (_challenge, provider) =>
        provider.send(
          await (provider.machine as AttestingMachine).answer(randomBytes(32).toString("base64url"), provider.key),
        ),
    ],
    [
      "answered about another encryption key",
      "untrusted",
      "wrong_challenge",
      async (challenge, provider) =>
        provider.send(await (provider.machine as AttestingMachine).answer(challenge, generateKeyPair())),
    ],
    [
      "answered with an old time",
      "stale_attestation",
      "outside_window",
      async (challenge, provider) =>
        provider.send(
          await (provider.machine as AttestingMachine).answer(challenge, provider.key, Date.now() - 121_000),
        ),
    ],
    ["answered with a heartbeat", "protocol_violation", undefined, (_challenge, provider) => provider.heartbeat()],
    ["answered with no frame", "malformed_frame", undefined, (_challenge, provider) => provider.sendText("hello")],
  ];

  it.each(answers)("%s ends as %s", async (_name, reason, outcome, onChallenge) => {
    const machine = new AttestingMachine();
    const provider = await dial({ machine, ...(onChallenge === undefined ? {} : { onChallenge }) });
    provider.send(await provider.attestedFrame());
    expect((await provider.closed).reason).toBe(reason);
    expect(hearth.coordinator.registry.size).toBe(0);
    if (outcome !== undefined) expect(await counted("challenge", outcome)).toBe(1);
  });
});

describe("a registered machine that", () => {
  const deeds: readonly (readonly [
    string,
    CloseReason,
    readonly [string, string] | undefined,
    (provider: ScriptedProvider, first: string) => void | Promise<void>,
  ])[] = [
    [
      "answers its first challenge again",
      "untrusted",
      ["challenge", "replayed"],
      (provider, first) => provider.answerChallenge(first),
    ],
    [
      "answers a challenge that nobody has sent",
      "untrusted",
      ["challenge", "wrong_challenge"],
      (provider) => provider.answerChallenge(randomBytes(32).toString("base64url")),
    ],
    [
      "changes its key without a proof",
      "protocol_violation",
      undefined,
      (provider) => provider.send({ type: "key_update", encryption_key: provider.registerFrame().encryption_key }),
    ],
    [
      "changes its key with another machine's proof",
      "untrusted",
      ["key_update", "mismatch"],
      async (provider) => {
        const { encryption_key } = provider.registerFrame();
        const proof = await new AttestingMachine().attest(provider.key);
        provider.send({ type: "key_update", encryption_key, attestation: proof });
      },
    ],
    [
      "shows a proof for its new key twice",
      "untrusted",
      ["key_update", "replayed"],
      async (provider) => {
        const { encryption_key } = provider.registerFrame();
        const proof = await (provider.machine as AttestingMachine).attest(provider.key);
        provider.send({ type: "key_update", encryption_key, attestation: proof });
        provider.send({ type: "key_update", encryption_key, attestation: proof });
      },
    ],
  ];

  it.each(deeds)("%s is closed as %s, and serves nobody for a while", async (_name, reason, counter, deed) => {
    const machine = new AttestingMachine();
    const provider = await hearth.provider((stream) => stream.answer("Hello"), { machine });
    const first = (provider.received[0] as unknown as { challenge: string }).challenge;
    await deed(provider, first);
    expect((await provider.closed).reason).toBe(reason);
    if (counter !== undefined) expect(await counted(...counter)).toBe(1);
    const again = await hearth.provider((stream) => stream.answer("Hello"), { machine });
    expect(again.id).toBe(provider.id);
    const isFenced = reason === "untrusted";
    expect((await hearth.chat(ask)).status).toBe(isFenced ? 503 : 200);
  });

  const streams: readonly (readonly [string, CloseReason | undefined, Script])[] = [
    ["sends a plaintext chunk", "untrusted", (stream) => stream.rawFrame(Buffer.from("data: {}\n\n"), 0, false)],
    ["seals with a foreign key", "untrusted", (stream) => stream.rawFrame(randomBytes(64 + 48), 0, false)],
    [
      "sends a chunk twice",
      "untrusted",
      (stream) => {
        const frame = stream.sealed("data: {}\n\n");
        stream.sendFrame(frame);
        stream.sendFrame(frame);
      },
    ],
    [
      "ends without the final chunk",
      undefined,
      (stream) => {
        stream.content("Hello");
        stream.finish();
        stream.complete();
      },
    ],
  ];

  it.each(streams)("%s: the consumer is never told a success", async (_name, reason, script) => {
    const provider = await hearth.provider(script, { machine: new AttestingMachine() });
    const response = await hearth.chat({ ...ask, stream: true });
    const text = await response.text();
    expect(response.status !== 200 || text.includes('"error"')).toBe(true);
    if (reason !== undefined) expect((await provider.closed).reason).toBe(reason);
  });
});

it("two sockets of one machine: the older one is closed as replaced, once the newer has proved itself", async () => {
  const machine = new AttestingMachine();
  const older = await hearth.provider(() => {}, { machine });
  const newer = await hearth.provider((stream) => stream.answer("Hello"), { machine });
  expect((await older.closed).reason).toBe("replaced");
  expect(newer.id).toBe(older.id);
  expect((await hearth.chat(ask)).status).toBe(200);
});

it("a machine that comes back under another identity key is another machine", async () => {
  const first = await hearth.provider(() => {}, { machine: new AttestingMachine() });
  const second = await hearth.provider(() => {}, { machine: new AttestingMachine(softwareSigner(newSoftwareKey())) });
  expect(second.id).not.toBe(first.id);
});
