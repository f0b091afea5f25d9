import { defineConfig } from "vitest/config";

const conditions = ["hearth-source"];

/** Need more than a process of their own: other programs, a database, an engine, a bundler, a browser. */
const OTHER_PROGRAMS = [
  "testbed/src/{browser,chaos,lint,scripted,sdk,system}/**/*.test.ts",
  "testbed/src/bench/{floors,spawn}.test.ts",
  "client/src/browser-bundle.test.ts",
  "coordinator/src/api/documents/*.test.ts",
  "coordinator/src/cli/*.test.ts",
  "coordinator/src/compose/create-server.test.ts",
  "coordinator/src/store/**/*.test.ts",
  "disk/src/*.test.ts",
  "e2e/src/browser-bundle.test.ts",
  "engine/src/*.test.ts",
  "provider-agent/src/*.test.ts",
  "provider-agent/src/attest/**/*.test.ts",
  "provider-agent/src/backends/{contract,create-backends,owned-llama-server,real-schemas,short-call-ids}.test.ts",
  "provider-agent/src/backends/owned/*.test.ts",
  "provider-agent/src/bench/*.test.ts",
  "provider-agent/src/cli/**/*.test.ts",
  "provider-agent/src/machine/run-tool.test.ts",
  "provider-agent/src/models/*.test.ts",
  "provider-agent/src/service/*.test.ts",
  "provider-agent/src/supervisor/*.test.ts",
];

/** Need nothing, but seconds: properties of many runs, the simulator, answers cut everywhere, real waiting. */
const LONG = [
  "attestation/src/apple/verify-device-chain.test.ts",
  "coordinator/src/api/messages/from-events.test.ts",
  "coordinator/src/api/provider-answers.test.ts",
  "coordinator/src/api/responses/from-events.test.ts",
  "coordinator/src/dispatch/step.properties.test.ts",
  "coordinator/src/sealing/replay-set.test.ts",
  "dialects/src/fixtures.test.ts",
  "dialects/src/json/tool-schema.test.ts",
  "e2e/src/{sealing-context,tampering}.test.ts",
  "protocol/src/codec.test.ts",
  "provider-agent/src/jobs/{jobs,odd-bodies,refusals}.test.ts",
  "testbed/src/sim/*.test.ts",
];

/** Cannot share their modules: `@peculiar/asn1-schema` keeps classes by the copy of itself that they were made with. */
const APART = ["coordinator/src/fleet/trust/apple-device.test.ts"];

const system = [...OTHER_PROGRAMS, ...LONG, ...APART];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // Two on two cores: most of these tests wait for a disk, a child or a clock more than they compute.
    maxWorkers: "100%",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      // What `npm run test:unit` runs, within a minute: files share their worker, and so load each module once.
      { extends: true, test: { name: "unit", include: ["*/src/**/*.test.ts"], exclude: system, isolate: false } },
      { extends: true, test: { name: "system", include: system } },
    ],
  },
});
