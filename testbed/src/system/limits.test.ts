import { readFileSync } from "node:fs";
import { FakeClock } from "@hearth/platform/testing";
import { CLOSE_CODES, type CloseReason, LIMITS, type ProviderFrame } from "@hearth/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
// Not of the package's interface: virtual time, and the session as the rest of the coordinator has it.
import type { SealedRequest, StreamListener } from "../../../coordinator/src/fleet/provider-link.js";
import type { ProviderSession } from "../../../coordinator/src/fleet/provider-session.js";
import type { ScriptedProvider } from "../scripted/scripted-provider.js";
import { startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

const ROOT = new URL("../../../", import.meta.url);

let clock: FakeClock;
let hearth: TestCoordinator;
let provider: ScriptedProvider;
let session: ProviderSession;

beforeEach(async () => {
  clock = new FakeClock();
  hearth = await startTestCoordinator({ clock });
  provider = await hearth.provider(() => {});
  session = hearth.coordinator.registry.link(provider.id as never) as ProviderSession;
});

afterEach(() => hearth.stop());

const listener: StreamListener = {
  working() {},
  data() {},
  complete: () => undefined,
  failed() {},
  lost() {},
  withdrawn() {},
  cancelConfirmed() {},
  usageBounds: () => ({ prompt: 1, completion: 1 }),
};

/** A request whose sealed body is these many bytes of nothing, in frames as large as may be. */
function request(bytes: number): SealedRequest {
  const frames = Array.from({ length: Math.ceil(bytes / LIMITS.frameBytes) }, () => new Uint8Array(LIMITS.frameBytes));
  const opening: SealedRequest["opening"] = {
    request_id: "r",
    attempt_id: "a",
    model: "m",
    dialect: "chat_completions",
    delivery: "interactive",
    context_id: "c",
    body_bytes: 0,
  };
  const context = { context_id: "c", key_id: "k", encapsulated_key: "A".repeat(43) };
  return { context, opening, frames: () => frames };
}

const key = (n: number): string => Buffer.alloc(32, n).toString("base64url");

/** Bodies for which nobody has to read: what comes over the socket in these tests is no request of anybody's. */
const deaf = (): void => void provider.socket.removeAllListeners("message");

/** As many frames of a kind as a minute allows change nothing; one more closes the connection. */
async function closesOverRate(perMinute: number, frame: (n: number) => ProviderFrame | string): Promise<void> {
  const send = (n: number): void => {
    const each = frame(n);
    provider.sendText(typeof each === "string" ? each : JSON.stringify(each));
  };
  for (let n = 0; n < perMinute; n++) send(n);
  await read();
  expect(session.status).not.toBe("offline");
  send(perMinute);
  expect((await provider.closed).reason).toBe("rate_limited");
}

/** The coordinator has read everything that was sent so far. */
function read(): Promise<void> {
  return new Promise((resolve) => {
    provider.socket.once("pong", () => resolve());
    provider.socket.ping();
  });
}

type Row = (() => Promise<void>) | { readonly file: string; readonly test: string };

const at = (file: string, test: string): Row => ({ file, test });

const HANDSHAKE = "coordinator/src/fleet/handshake.test.ts";
const TRUST = "coordinator/src/fleet/trust/session-trust.test.ts";
const AGENT_JOBS = "provider-agent/src/jobs/jobs.test.ts";
const JOB_ENDINGS = "provider-agent/src/jobs/job-endings.test.ts";
const AWAITED = "coordinator/src/fleet/awaited-receipts.test.ts";
const LIVENESS = "coordinator/src/fleet/liveness.test.ts";

/** Where each limit is driven: here, or by the test that is named. The compiler finds what is missing. */
const LIMIT_ROWS = {
  preRegistrationBytes: at(HANDSHAKE, "is refused for over 64 KiB in a message that it never ends"),
  registrationTimeoutMs: at(HANDSHAKE, "is refused once its time is over, and not before"),
  blobBytes: () => malformedAtMost("blob", LIMITS.blobBytes),
  certificates: () => closesBeforeRegistration({ certificates: Array(LIMITS.certificates + 1).fill("AAAA") }),
  certificateBytes: () => closesBeforeRegistration({ certificates: ["A".repeat(LIMITS.certificateBytes * 2)] }),
  challengeTimeoutMs: at(
    TRUST,
    "ends at the third challenge in a row that is missed, not before, and comes back with an answer",
  ),
  challengeIntervalMs: at(TRUST, "is challenged every five minutes, and each answer counts for sixteen"),
  missedChallenges: at(
    TRUST,
    "ends at the third challenge in a row that is missed, not before, and comes back with an answer",
  ),
  proofLifetimeMs: at(TRUST, "is challenged every five minutes, and each answer counts for sixteen"),
  keyRotationMs: at(
    "provider-agent/src/agent-proofs.test.ts",
    "changes its encryption key every ten minutes, opens what was sealed to the one before, and then no more",
  ),
  frameBytes: async () => {
    provider.sendBytes(new Uint8Array(LIMITS.frameBytes + 1));
    expect((await provider.closed).code).toBe(CLOSE_CODES.message_too_big);
  },
  requestChunkBytes: async () => {
    const text = "x".repeat(2 * LIMITS.requestChunkBytes);
    const gone = new AbortController();
    const asked = hearth.chat({ model: "m", messages: [{ role: "user", content: text }] }, { signal: gone.signal });
    asked.catch(() => {});
    await expect.poll(() => provider.streams.length).toBe(1);
    const parts = provider.wire.filter((message) => message[0] === 1);
    expect(parts.length).toBeGreaterThan(2);
    // A sealed chunk has its tag and its padding beside the plaintext.
    expect(Math.max(...parts.map(({ length }) => length))).toBeLessThan(LIMITS.requestChunkBytes + 1_024);
    gone.abort();
  },
  responseChunkBytes: at(
    "dialects/src/sse/sse-splitter.test.ts",
    "makes pieces of whole events that fit a frame, and gives a large event one of its own",
  ),
  errorBodyBytes: async () => {
    provider.sendText(
      JSON.stringify({
        type: "error",
        stream: 1,
        code: "internal",
        progress: "processed",
        sealed_body: "A".repeat(LIMITS.errorBodyBytes * 2 + 1),
      }),
    );
    expect((await provider.closed).reason).toBe("malformed_frame");
  },
  requestBodyBytes: at("testbed/src/system/refusals.test.ts", "answers 413 for a body of 17 MiB that does not say so"),
  forwardedBodyBytes: () => closesForBacklog(),
  responseBodyBytes: at(AGENT_JOBS, "that are larger than a body may be are an error"),
  responseEventBytes: at(JOB_ENDINGS, "the largest event that may be goes through, and one more byte does not"),
  initialCreditBytes: at(AGENT_JOBS, "spent up stops the reading from the backend, and granted starts it again"),
  pingIntervalMs: at(LIVENESS, "pings once an interval for as long as the peer answers"),
  missedPongs: () => closesForSilence(),
  heartbeatIntervalMs: at(HANDSHAKE, "is let in, and told its id, the version and how often to report"),
  backlogStopsDispatchBytes: async () => {
    deaf();
    provider.socket.pause();
    while (session.backlogBytes <= LIMITS.backlogStopsDispatchBytes) {
      expect(session.openStream(request(LIMITS.frameBytes), listener)).toBeDefined();
    }
    expect(session.openStream(request(0), listener)).toBeUndefined();
    expect(session.status).toBe("serving");
  },
  backlogClosesBytes: () => closesForBacklog(),
  modelsPerProvider: async () => {
    const models = (count: number): void =>
      provider.send({
        type: "models_update",
        models: Array.from({ length: count }, (_, n) => ({ id: `m${n}`, capabilities: {} })),
      });
    models(LIMITS.modelsPerProvider);
    await read();
    expect(session.models.size).toBe(LIMITS.modelsPerProvider);
    models(LIMITS.modelsPerProvider + 1);
    expect((await provider.closed).reason).toBe("malformed_frame");
  },
  streamsPerConnection: async () => {
    deaf();
    const streams = Array.from({ length: LIMITS.streamsPerConnection }, () => session.openStream(request(0), listener));
    expect(streams.every((stream) => stream !== undefined)).toBe(true);
    expect(session.openStream(request(0), listener)).toBeUndefined();
    streams[0]?.cancel("consumer_gone");
    expect(session.openStream(request(0), listener)).toBeDefined();
  },
  heartbeatsPerMinute: () => closesOverRate(LIMITS.heartbeatsPerMinute, () => ({ type: "heartbeat", slots: [] })),
  modelsUpdatesPerMinute: () =>
    closesOverRate(LIMITS.modelsUpdatesPerMinute, () => ({ type: "models_update", models: [] })),
  keyUpdatesPerMinute: () =>
    closesOverRate(LIMITS.keyUpdatesPerMinute, (n) => ({
      type: "key_update",
      encryption_key: { key_id: `k${n}`, public_key: key(9) },
    })),
  challengeResponsesPerMinute: at(
    "coordinator/src/fleet/frame-rates.test.ts",
    "counts every kind by itself, each with its own limit",
  ),
  workingPerMinute: async () => {
    deaf();
    session.openStream(request(0), listener);
    await closesOverRate(LIMITS.workingPerMinute, (n) => ({
      type: "working",
      stream: 1,
      sign: "loading",
      counter: n,
    }));
  },
  workingIntervalMs: at(
    "provider-agent/src/jobs/signs-of-life.test.ts",
    "tells a new sign at once, and the same one again only when it has moved and some time has passed",
  ),
  earningsIntervalMs: at(
    "coordinator/src/fleet/machine-earnings.test.ts",
    "are a minute apart, though they change all the time and the answers come late",
  ),
  contextsPerConnection: at(
    "provider-agent/src/jobs/opening-contexts.test.ts",
    "holds so many at most: the one that was used least recently makes room",
  ),
  receiptsPerMinute: () => closesOverRate(LIMITS.receiptsPerMinute, () => receipt()),
  receiptsPerBatch: () => malformedReceipt({ index: LIMITS.receiptsPerBatch }),
  receiptProofHashes: () => malformedReceipt({ proof: Array(LIMITS.receiptProofHashes + 1).fill(key(1)) }),
  receiptBatchBytes: () => malformedReceipt({ blob: "A".repeat(Math.ceil((LIMITS.receiptBatchBytes * 4) / 3) + 1) }),
  receiptWaitMs: at(AWAITED, "is waited for until its time is over, and no longer"),
  receiptsAwaited: at(AWAITED, "is given up for the oldest stream when there are too many"),
  otherFramesPerMinute: () => closesOverRate(LIMITS.otherFramesPerMinute, () => '{"type":"who-knows"}'),
} satisfies Record<keyof typeof LIMITS, Row>;

/** Where each close code is driven. */
const CLOSE_ROWS = {
  normal: at(
    "provider-agent/src/connection/web-socket-connection.test.ts",
    "hears nothing more once it has said goodbye",
  ),
  going_away: async () => {
    session.close("going_away");
    expect((await provider.closed).code).toBe(CLOSE_CODES.going_away);
  },
  message_too_big: LIMIT_ROWS.frameBytes,
  internal_error: async () => {
    session.work.take = () => {
      throw new Error("a failure of our own");
    };
    provider.heartbeat();
    expect((await provider.closed).reason).toBe("internal_error");
    expect(await metric('hearth_provider_input_undigested_total{what="control"}')).toBe(1);
    expect((await hearth.get("/livez")).status).toBe(200);
  },
  malformed_frame: LIMIT_ROWS.errorBodyBytes,
  unauthorized: at(HANDSHAKE, "is refused without a valid token"),
  untrusted: at("testbed/src/system/trust-connections.test.ts", "is closed as untrusted, and takes nobody with it"),
  registration_timeout: at(HANDSHAKE, "is refused once its time is over, and not before"),
  replaced: at(
    "testbed/src/system/dispatch-cases.test.ts",
    "keeps an account to its number of machines, and lets a machine come back",
  ),
  stale_attestation: at("testbed/src/system/trust-bad-input.test.ts", "an attestation older than its window"),
  protocol_violation: async () => {
    provider.send({ type: "working", stream: 7, sign: "loading", counter: 1 });
    expect((await provider.closed).reason).toBe("protocol_violation");
  },
  version_unsupported: at(HANDSHAKE, "is refused when no version is common"),
  too_many_connections: at(
    "testbed/src/system/dispatch-cases.test.ts",
    "keeps an account to its number of machines, and lets a machine come back",
  ),
  liveness_timeout: () => closesForSilence(),
  backlog_exceeded: () => closesForBacklog(),
  rate_limited: LIMIT_ROWS.otherFramesPerMinute,
} satisfies Record<CloseReason, Row>;

async function metric(name: string): Promise<number> {
  const metrics = await (await hearth.get("/metrics")).text();
  const line = metrics.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length) ?? Number.NaN);
}

const closedFor = (reason: CloseReason): Promise<number> =>
  metric(`hearth_provider_connections_closed_total{reason="${reason}"}`);

async function closesForBacklog(): Promise<void> {
  deaf();
  provider.socket.pause();
  // The kernel's buffers hold some of it: well above what one request and the backlog may be together.
  const most = LIMITS.backlogClosesBytes + LIMITS.forwardedBodyBytes;
  session.openStream(request(most + 24 * LIMITS.frameBytes), listener);
  expect(session.status).toBe("offline");
  expect(await closedFor("backlog_exceeded")).toBe(1);
}

async function closesForSilence(): Promise<void> {
  provider.socket.pause();
  for (let missed = 0; missed < LIMITS.missedPongs; missed++) clock.advance(LIMITS.pingIntervalMs);
  expect(session.status).toBe("serving");
  clock.advance(LIMITS.pingIntervalMs);
  expect(await closedFor("liveness_timeout")).toBe(1);
}

async function malformedAtMost(member: "blob", limitBytes: number): Promise<void> {
  const signature = "A".repeat(86);
  const text = "A".repeat(Math.ceil((limitBytes * 4) / 3) + 1);
  provider.sendText(JSON.stringify({ type: "challenge_response", challenge: key(1), signature, [member]: text }));
  expect((await provider.closed).reason).toBe("malformed_frame");
}

function receipt(changes: object = {}): ProviderFrame {
  const batch = { blob: "AAAA", signature: "A".repeat(86), index: 0, proof: [], ...changes };
  return { type: "receipt", stream: 1, blob: "AAAA", batch };
}

async function malformedReceipt(changes: object): Promise<void> {
  provider.send(receipt(changes));
  expect((await provider.closed).reason).toBe("malformed_frame");
}

/** A new machine whose attestation breaks a bound. */
async function closesBeforeRegistration(part: object): Promise<void> {
  const attestation = { blob: "AAAA", signature: "A".repeat(86), identity_key: "A".repeat(87), ...part };
  const joining = hearth.provider(() => {}, { register: { attestation } as never });
  await expect(joining).rejects.toThrow("malformed_frame");
}

describe.each([
  ["limit", LIMIT_ROWS, Object.keys(LIMITS)],
  ["close code", CLOSE_ROWS, Object.keys(CLOSE_CODES)],
] as const)("every %s", (_what, rows, names) => {
  it("has its row", () => {
    expect(Object.keys(rows).toSorted()).toEqual([...names].toSorted());
  });

  it.each(Object.entries<Row>(rows))("holds: %s", async (_name, row) => {
    if (typeof row === "function") return row();
    expect(readFileSync(new URL(row.file, ROOT), "utf8")).toContain(`"${row.test}"`);
  });
});
