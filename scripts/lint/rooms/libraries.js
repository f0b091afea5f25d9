// zod only.
/** @type {Record<string, string[]>} */
export const PROTOCOL = {
  ".": ["zod"],
  "*.test.ts": ["fast-check", "vitest"],
};

/** @type {Record<string, string[]>} */
export const PLATFORM = {
  ".": ["node:crypto"],
  testing: ["."],
  "*.test.ts": ["vitest", "fast-check"],
};

// What events mean is one room, whatever the dialect; zod at most.
/** @type {Record<string, string[]>} */
export const DIALECTS = {
  ".": ["./chat-completions", "./completions", "./embeddings", "./json", "./messages", "./responses", "./sse"],
  "chat-completions": ["."],
  completions: [".", "./chat-completions"],
  embeddings: ["."],
  // Streams of servers, for the tests of both ends.
  fixtures: ["."],
  json: [],
  messages: ["."],
  responses: ["."],
  sse: [],
  testing: ["fast-check"],
  "*.test.ts": ["fast-check", "vitest", "node:crypto"],
};

/** @type {Record<string, string[]>} */
export const DISK = {
  ".": ["node:fs", "node:path"],
  testing: ["node:*"],
  "*.test.ts": ["vitest", "node:*"],
};

// noble and node:crypto only.
/** @type {Record<string, string[]>} */
export const E2E = {
  ".": ["#default-primitives", "@noble/ciphers", "@noble/curves", "@noble/hashes", "node:crypto"],
  defaults: ["."],
  "*.test.ts": [
    "@hpke/chacha20poly1305",
    "@hpke/core",
    "@hpke/dhkem-x25519",
    "fast-check",
    "rolldown",
    "vitest",
    "node:*",
  ],
};

/** @type {Record<string, string[]>} */
export const ATTESTATION = {
  ".": ["./apple", "zod", "node:crypto"],
  apple: ["node:crypto"],
  testing: ["./apple", "@peculiar/asn1-schema", "@peculiar/asn1-x509", "node:crypto"],
  "*.test.ts": ["@noble/curves", "fast-check", "vitest", "node:*"],
};

/** @type {Record<string, string[]>} */
export const CLIENT = {
  ".": ["@hearth/e2e"],
  testing: [".", "@hearth/e2e"],
  "*.test.ts": ["rolldown", "vitest", "node:*"],
};

// Its rooms share the types of api, and so know each other.
/** @type {Record<string, string[]>} */
export const ENGINE = {
  ".": [
    "./api",
    "./http",
    "./model",
    "zod",
    "node:child_process",
    "node:crypto",
    "node:fs",
    "node:fs/promises",
    "node:readline",
    "node:timers/promises",
    "node:url",
  ],
  api: [".", "./grammar", "./http", "./model", "./text", "node-llama-cpp", "zod"],
  grammar: ["./api", "./text"],
  http: ["./api", "node:crypto", "node:events", "node:http", "node:net", "node:stream"],
  model: [".", "./api", "./text", "node-llama-cpp", "node:os"],
  testing: [".", "node:http", "node:url"],
  text: ["./api", "@huggingface/jinja"],
  "*.test.ts": ["fast-check", "node-llama-cpp", "vitest", "node:*"],
};
