import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ControlFrame,
  type Decoded,
  decodeCoordinatorFrame,
  decodeProviderFrame,
  decodeRegister,
  encodeControl,
} from "./codec.js";
import {
  CANCEL_REASONS,
  type CoordinatorFrame,
  coordinatorFrameSchema,
  RUNTIME_COMPONENTS,
  requestSchema,
} from "./coordinator-frames.js";
import { BACKEND_DIALECTS, SLOT_STATES, TRUST_LEVELS } from "./frame-members.js";
import { GATES } from "./gates.js";
import { MAX_U32 } from "./ids.js";
import { LIMITS } from "./limits.js";
import {
  errorSchema,
  PROGRESS,
  type ProviderFrame,
  providerFrameSchema,
  type RegisterFrame,
  WORKING_SIGNS,
} from "./provider-frames.js";
import { REPUTATION_REASONS } from "./reputation.js";

// One generator a frame type, of every valid frame with its optional members present or absent.

const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const mark = fc.record({ count, ms: count });
const text = fc.string({ maxLength: 256, unit: "grapheme-ascii" });
const id = fc.string({ minLength: 1, maxLength: 128, unit: "grapheme-ascii" });
const stream = fc.integer({ min: 1, max: MAX_U32 });
const rate = fc.double({ min: 0, max: 1e7, noNaN: true }).map((value) => value + 0);
const fraction = fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0);
const toText = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
const base64url = (length: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map(toText);
const key32 = base64url(32);

const some = <T, K extends keyof T>(model: { [P in keyof T]: fc.Arbitrary<T[P]> }, requiredKeys: K[]) =>
  fc.record(model, { requiredKeys });

const usage = some({ prompt_tokens: count, completion_tokens: count, cached_tokens: count }, [
  "prompt_tokens",
  "completion_tokens",
]);
const slot = some(
  {
    model: id,
    state: fc.constantFrom(...SLOT_STATES),
    running: count,
    queued: count,
    max_concurrency: fc.integer({ min: 1, max: 4096 }),
    budget_max: count,
    budget_used: count,
    decode_tps: rate,
    prefill_tps: rate,
  },
  ["model", "state", "running", "queued"],
);
const model = some(
  {
    id,
    context_length: fc.integer({ min: 1, max: 1e9 }),
    weights_bytes: count,
    weights_hash: text,
    quantization: text,
    capabilities: some(
      {
        tools: fc.boolean(),
        vision: fc.boolean(),
        embeddings: fc.boolean(),
        structured_output: fc.boolean(),
        logprobs: fc.boolean(),
        reasoning: fc.boolean(),
      },
      [],
    ),
    dialects: fc.subarray([...BACKEND_DIALECTS]),
    template_hash: text,
    template_render_ok: fc.boolean(),
    needs_string_types: fc.boolean(),
    system_anywhere: fc.boolean(),
    turns_anywhere: fc.boolean(),
  },
  ["id", "capabilities"],
);
const hardware = some(
  { platform: text, arch: text, chip: text, cpu_cores: fc.integer({ min: 1, max: 65_536 }), memory_bytes: count },
  ["platform", "arch", "cpu_cores", "memory_bytes"],
);

const signed = { blob: fc.uint8Array({ minLength: 2, maxLength: 200 }).map(toText), signature: base64url(64) };
const attestation = some(
  {
    ...signed,
    identity_key: base64url(65),
    serial: fc.record({
      value: fc.string({ minLength: 1, maxLength: 64, unit: "grapheme-ascii" }),
      salt: base64url(16),
    }),
    certificates: fc.array(fc.integer({ min: 1, max: 300 }).chain(base64url), { maxLength: 5 }),
  },
  ["blob", "signature", "identity_key"],
);
const encryptionKey = fc.record({ key_id: id, public_key: key32 });

const registers = some(
  {
    type: fc.constant("register"),
    versions: fc.record({ min: fc.integer({ min: 1, max: 9 }), max: fc.integer({ min: 1, max: 9 }) }),
    token: fc.string({ minLength: 1, maxLength: 1024 }),
    agent: some({ name: text, version: text }, ["version"]),
    identity: key32,
    encryption_key: encryptionKey,
    attestation,
    hardware,
    models: fc.array(model, { maxLength: 4 }),
    slots: fc.array(slot, { maxLength: 4 }),
    paused: fc.boolean(),
    private_only: fc.boolean(),
  },
  ["type", "versions", "token", "agent", "identity", "encryption_key", "hardware", "models", "slots"],
);

const providerFrames: { readonly [T in ProviderFrame["type"]]: fc.Arbitrary<unknown> } = {
  heartbeat: some(
    {
      type: fc.constant("heartbeat"),
      slots: fc.array(slot, { maxLength: 4 }),
      memory_free_bytes: count,
      memory_pressure: fraction,
      cpu_load: fraction,
      gpu_load: fraction,
      thermal: fc.constantFrom("nominal", "fair", "serious", "critical"),
      paused: fc.boolean(),
      private_only: fc.boolean(),
    },
    ["type", "slots"],
  ),
  working: fc.record({
    type: fc.constant("working"),
    stream,
    sign: fc.constantFrom(...WORKING_SIGNS),
    counter: fc.nat(),
  }),
  complete: fc.record({ type: fc.constant("complete"), stream, usage }),
  receipt: fc.record({
    type: fc.constant("receipt"),
    stream,
    blob: signed.blob,
    batch: fc.record({ ...signed, index: fc.nat(1_023), proof: fc.array(key32, { maxLength: 10 }) }),
  }),
  error: some(
    {
      type: fc.constant("error"),
      stream,
      code: fc.constantFrom(...errorSchema.shape.code.options),
      status: fc.integer({ min: 100, max: 599 }),
      progress: fc.constantFrom(...PROGRESS),
      usage,
      sealed_body: fc.nat(200).chain(base64url),
    },
    ["type", "stream", "code", "progress"],
  ),
  drain: fc.record({ type: fc.constant("drain") }),
  models_update: fc.record({ type: fc.constant("models_update"), models: fc.array(model, { maxLength: 4 }) }),
  challenge_response: fc.record({ type: fc.constant("challenge_response"), challenge: key32, ...signed }),
  key_update: some({ type: fc.constant("key_update"), encryption_key: encryptionKey, attestation }, [
    "type",
    "encryption_key",
  ]),
};

const coordinatorFrames: { readonly [T in CoordinatorFrame["type"]]: fc.Arbitrary<unknown> } = {
  registered: some(
    {
      type: fc.constant("registered"),
      version: fc.integer({ min: 1, max: 99 }),
      provider_id: id,
      heartbeat_interval_ms: fc.integer({ min: 100, max: 600_000 }),
      trust_level: fc.constantFrom(...TRUST_LEVELS),
    },
    ["type", "version", "provider_id", "heartbeat_interval_ms"],
  ),
  heartbeat_ack: some(
    {
      type: fc.constant("heartbeat_ack"),
      picked: count,
      lost: count,
      rejected: some(Object.fromEntries(GATES.map((gate) => [gate, count])), []),
      update: some(
        {
          latest_version: fc.stringMatching(/^[0-9A-Za-z.+-]{1,64}$/),
          url: fc.stringMatching(/^https:\/\/[\x21-\x7e]{1,40}$/),
          required: fc.boolean(),
        },
        ["latest_version", "required"],
      ),
      reputation: fc.record({
        score: fc.integer({ min: 0, max: 100 }),
        reasons: some(Object.fromEntries(REPUTATION_REASONS.map((reason) => [reason, mark])), []),
      }),
      earnings: fc.record({
        today_micro_usd: fc.maxSafeInteger(),
        week_micro_usd: fc.maxSafeInteger(),
        total_micro_usd: fc.maxSafeInteger(),
        as_of: fc.integer({ min: 0, max: 8.64e15 }),
      }),
    },
    ["type", "picked", "lost", "rejected"],
  ),
  sealing_context: fc.record(
    {
      type: fc.constant("sealing_context"),
      context_id: id,
      key_id: id,
      encapsulated_key: key32,
      replaces: id,
    },
    { requiredKeys: ["type", "context_id", "key_id", "encapsulated_key"] },
  ),
  request: fc.record({
    type: fc.constant("request"),
    stream,
    request_id: id,
    attempt_id: id,
    model: id,
    dialect: fc.constantFrom(...BACKEND_DIALECTS),
    delivery: fc.constantFrom(...requestSchema.shape.delivery.options),
    context_id: id,
    body_bytes: fc.nat({ max: LIMITS.forwardedBodyBytes }),
  }),
  cancel: fc.record({ type: fc.constant("cancel"), stream, reason: fc.constantFrom(...CANCEL_REASONS) }),
  credit: fc.record({ type: fc.constant("credit"), stream, bytes: stream }),
  challenge: fc.record({ type: fc.constant("challenge"), challenge: key32 }),
  runtime_status: fc.record({
    type: fc.constant("runtime_status"),
    verified: fc.boolean(),
    mismatches: fc.array(
      some(
        {
          component: fc.constantFrom(...RUNTIME_COMPONENTS),
          model: id,
          expected: fc.array(text, { maxLength: 3 }),
          actual: text,
        },
        ["component", "expected"],
      ),
      { maxLength: 3 },
    ),
  }),
  go_away: fc.record({
    type: fc.constant("go_away"),
    reason: text,
    reconnect_after_ms: fc.nat({ max: 600_000 }),
  }),
};

interface Side {
  readonly name: string;
  readonly decode: (text: string) => Decoded<ControlFrame>;
  readonly frames: Readonly<Record<string, fc.Arbitrary<unknown>>>;
}

const PROVIDER: Side = { name: "provider", decode: decodeProviderFrame, frames: providerFrames };
const COORDINATOR: Side = { name: "coordinator", decode: decodeCoordinatorFrame, frames: coordinatorFrames };
const REGISTER: Side = { name: "registration", decode: decodeRegister, frames: { register: registers } };
const SIDES = [PROVIDER, COORDINATOR, REGISTER] as const;
const anyFrame = (side: Side): fc.Arbitrary<unknown> => fc.oneof(...Object.values(side.frames));

/** Puts `value` in the place of one leaf of a JSON tree, chosen by `pick`; never of the frame's type. */
function corrupt(frame: unknown, pick: number, value: unknown): unknown {
  const paths: (string | number)[][] = [];
  const walk = (node: unknown, path: (string | number)[]): void => {
    if (path.length > 0 && path.join() !== "type") paths.push(path);
    if (typeof node !== "object" || node === null) return;
    for (const key of Object.keys(node)) walk((node as Record<string, unknown>)[key], [...path, key]);
  };
  walk(frame, []);
  const path = paths[pick % paths.length];
  if (path === undefined) return frame;
  const copy = structuredClone(frame) as Record<string, unknown>;
  let node = copy;
  for (const key of path.slice(0, -1)) node = node[key] as Record<string, unknown>;
  node[path.at(-1)!] = value;
  return copy;
}

describe.each(SIDES)("$name frames", (side) => {
  it.each(Object.keys(side.frames))("of type %s come back as they were sent", (type) => {
    fc.assert(
      fc.property(side.frames[type]!, (frame) => {
        const decoded = side.decode(encodeControl(frame as ControlFrame));
        expect(decoded).toEqual({ kind: "frame", frame });
      }),
    );
  });

  it("are read with members that a later version added, and those are dropped", () => {
    fc.assert(
      fc.property(anyFrame(side), fc.jsonValue(), (frame, added) => {
        const decoded = side.decode(JSON.stringify({ ...(frame as object), added_later: added }));
        expect(decoded).toEqual({ kind: "frame", frame });
      }),
    );
  });

  it("never throw, whatever text arrives", () => {
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc.jsonValue().map((value) => (typeof value === "object" ? "[object Object]" : String(value))),
    );
    fc.assert(
      fc.property(texts, (received) => {
        expect(["frame", "unknown", "malformed"]).toContain(side.decode(received).kind);
      }),
      { numRuns: 500 },
    );
  });

  it("never throw and never pass when one member is replaced by something else", () => {
    fc.assert(
      fc.property(anyFrame(side), fc.nat(), fc.jsonValue(), (frame, pick, value) => {
        const corrupted = corrupt(frame, pick, value);
        const decoded = side.decode(JSON.stringify(corrupted));
        expect(["frame", "malformed"]).toContain(decoded.kind);
        // What passes is a frame like any other: it survives another trip unchanged.
        if (decoded.kind === "frame") expect(side.decode(encodeControl(decoded.frame))).toEqual(decoded);
      }),
      { numRuns: 500 },
    );
  });

  it("are malformed without any one of their required members", () => {
    fc.assert(
      fc.property(anyFrame(side), (frame) => {
        const full = frame as Record<string, unknown>;
        for (const member of Object.keys(full)) {
          if (member === "type") continue;
          const { [member]: _, ...rest } = full;
          const decoded = side.decode(JSON.stringify(rest));
          // Optional members may be left out; then the frame is the rest, with defaults filled in.
          if (decoded.kind === "frame") expect(decoded.frame).toMatchObject(rest);
          else
            expect(decoded).toMatchObject({
              kind: "malformed",
              problem: expect.stringMatching(`^${full["type"]}\\.${member}: invalid_(type|value)$`),
            });
        }
      }),
    );
  });

  it("are described without any value they held when they are malformed", () => {
    const secret = "sk-hearth-do-not-log-7f3a";
    const values = fc.constantFrom<unknown>(secret, [secret], { [secret]: secret }, secret.repeat(100));
    fc.assert(
      fc.property(anyFrame(side), fc.nat(), values, (frame, pick, value) => {
        const decoded = side.decode(JSON.stringify(corrupt(frame, pick, value)));
        if (decoded.kind === "malformed") expect(decoded.problem).not.toContain("sk-hearth");
      }),
      { numRuns: 500 },
    );
  });

  it("cover every type of the schema in these tests", () => {
    const types = {
      provider: providerFrameSchema.options.map((option) => option.shape.type.value),
      coordinator: coordinatorFrameSchema.options.map((option) => option.shape.type.value),
      registration: ["register"],
    }[side.name];
    expect(Object.keys(side.frames).sort()).toEqual([...types!].sort());
  });
});

describe("a text message", () => {
  it.each(SIDES)("of unknown type is told apart from a malformed one ($name)", ({ decode }) => {
    expect(decode('{"type":"from_the_future","stream":"x"}')).toEqual({
      kind: "unknown",
      frameType: "from_the_future",
    });
    expect(decode('{"type":""}')).toEqual({ kind: "unknown", frameType: "" });
  });

  it("names an unknown type by at most 64 characters", () => {
    const decoded = decodeProviderFrame(JSON.stringify({ type: "t".repeat(1000) }));
    expect(decoded).toEqual({ kind: "unknown", frameType: "t".repeat(64) });
  });

  it("of the other side's type is unknown, so that nobody can speak for the other", () => {
    fc.assert(
      fc.property(anyFrame(PROVIDER), anyFrame(COORDINATOR), registers, (provider, coordinator, register) => {
        const sent = (frame: unknown): string => JSON.stringify(frame);
        expect(decodeCoordinatorFrame(sent(provider)).kind).toBe("unknown");
        expect(decodeProviderFrame(sent(coordinator)).kind).toBe("unknown");
        expect(decodeRegister(sent(provider)).kind).toBe("unknown");
        expect(decodeProviderFrame(sent(register)).kind).toBe("unknown");
      }),
    );
  });

  it.each([
    ["", "not JSON"],
    ["{", "not JSON"],
    ['{"type":"drain"} x', "not JSON"],
    ["null", "no frame type"],
    ["7", "no frame type"],
    ['"drain"', "no frame type"],
    ['[{"type":"drain"}]', "no frame type"],
    ["{}", "no frame type"],
    ['{"type":null}', "no frame type"],
    ['{"type":["drain"]}', "no frame type"],
    ['{"__proto__":{"type":"drain"}}', "no frame type"],
    ['{"type":"working"}', "working.stream: invalid_type"],
    ['{"type":"working","stream":0}', "working.stream: too_small"],
    ['{"type":"working","stream":4294967296}', "working.stream: too_big"],
    ['{"type":"working","stream":1.5}', "working.stream: invalid_type"],
    ['{"type":"working","stream":"1"}', "working.stream: invalid_type"],
    ['{"type":"working","stream":1e999}', "working.stream: invalid_type"],
    ['{"type":"working","stream":1,"sign":"silent","counter":1}', "working.sign: invalid_value"],
    ['{"type":"working","stream":1,"sign":"loading","counter":-1}', "working.counter: too_small"],
  ])("%s is malformed: %s", (received, problem) => {
    expect(decodeProviderFrame(received)).toEqual({ kind: "malformed", problem });
  });

  it("over the frame limit is malformed before it is parsed", () => {
    const filler = (length: number): string => `{"type":"drain","x":"${"x".repeat(length - 23)}"}`;
    expect(filler(LIMITS.frameBytes)).toHaveLength(LIMITS.frameBytes);
    expect(decodeProviderFrame(filler(LIMITS.frameBytes)).kind).toBe("frame");
    expect(decodeProviderFrame(filler(LIMITS.frameBytes + 1))).toEqual({
      kind: "malformed",
      problem: "frame too large",
    });
  });

  it("nested as deep as its size allows does not exhaust the stack", () => {
    const depth = 400_000;
    const nested = `${"[".repeat(depth)}${"]".repeat(depth)}`;
    expect(decodeProviderFrame(nested)).toEqual({ kind: "malformed", problem: "no frame type" });
    expect(decodeProviderFrame(`{"type":"drain","x":${nested}}`).kind).toBe("frame");
    expect(decodeProviderFrame(`{"type":"heartbeat","slots":${nested}}`).kind).toBe("malformed");
  });

  it("with too many models or slots is malformed", () => {
    const models = (length: number): string =>
      JSON.stringify({ type: "models_update", models: Array.from({ length }, (_, i) => ({ id: `m${i}` })) });
    expect(decodeProviderFrame(models(LIMITS.modelsPerProvider)).kind).toBe("frame");
    expect(decodeProviderFrame(models(LIMITS.modelsPerProvider + 1))).toEqual({
      kind: "malformed",
      problem: "models_update.models: too_big",
    });
  });

  it("cannot put a member on the prototype of what is read", () => {
    const decoded = decodeProviderFrame('{"type":"drain","__proto__":{"polluted":true},"constructor":{"x":1}}');
    expect(decoded).toEqual({ kind: "frame", frame: { type: "drain" } });
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe("register", () => {
  const valid = fc.sample(registers, { numRuns: 1, seed: 7 })[0] as RegisterFrame;

  it.each([
    ["identity", "A".repeat(42)],
    ["identity", "A".repeat(44)],
    ["identity", `${"A".repeat(42)}=`],
    ["identity", `${"A".repeat(42)}+`],
    ["token", ""],
    ["token", "t".repeat(1025)],
    ["versions", { min: 0, max: 1 }],
    ["versions", { min: 1 }],
    ["models", "none"],
  ])("is malformed with %s %j", (member, value) => {
    const decoded = decodeRegister(JSON.stringify({ ...valid, [member]: value }));
    expect(decoded.kind).toBe("malformed");
    expect(decoded.kind === "malformed" && decoded.problem.startsWith(`register.${member}`)).toBe(true);
  });

  it("fills in what may be left out", () => {
    const { slots: _, ...rest } = valid;
    const decoded = decodeRegister(JSON.stringify({ ...rest, models: [{ id: "m" }] }));
    expect(decoded).toMatchObject({ kind: "frame", frame: { slots: [], models: [{ id: "m", capabilities: {} }] } });
  });
});
