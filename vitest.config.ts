import { defineConfig } from "vitest/config";

const conditions = ["hearth-source"];

/** Need more than a process of their own: other programs, a database, an engine, a bundler, a browser. */
const OTHER_PROGRAMS = [
  "testbed/src/{browser,chaos,lint,scripted,sdk,system}/**/*.test.ts",
  "testbed/src/bench/{floors,instructions,spawn,turn-off}.test.ts",
  "client/src/browser-bundle.test.ts",
  "coordinator/src/api/documents/*.test.ts",
  "coordinator/src/cli/*.test.ts",
  "coordinator/src/cluster/**/*.test.ts",
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

/** Measure how things move in time, load a whole machine, or hold a real engine to its speed: nothing runs beside them. */
const ALONE = [
  "engine/src/*.test.ts",
  "provider-agent/src/{agent,full-disk,real-backends}.test.ts",
  "provider-agent/src/backends/owned-llama-server.test.ts",
  "provider-agent/src/backends/owned/*.test.ts",
  "provider-agent/src/jobs/slow-backends.test.ts",
  "testbed/src/bench/{floors,spawn}.test.ts",
  "testbed/src/chaos/*.test.ts",
  "testbed/src/system/{agent-killed,connections,failover-*,go-away,large-events}.test.ts",
  "testbed/src/system/{limits,nothing-left-behind,slow-reader,worst-bodies}.test.ts",
];

const system = [...OTHER_PROGRAMS, ...LONG, ...APART];
// A machine that is slow, or that has others on it, is no fault: what hangs is found all the same.
const patient = { testTimeout: 90_000, hookTimeout: 120_000 };

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      // What `npm run test:unit` runs, within a minute: files share their worker, and so load each module once.
      {
        extends: true,
        test: {
          name: "unit",
          include: ["*/src/**/*.test.ts"],
          exclude: [...system, ...ALONE],
          isolate: false,
          maxWorkers: "100%",
        },
      },
      // Most of these wait for a disk, a child or a clock more than they compute.
      {
        extends: true,
        test: {
          ...{ name: "system", include: system, exclude: ALONE, maxWorkers: "100%" },
          sequence: { groupOrder: 1 },
          ...patient,
        },
      },
      {
        extends: true,
        test: { name: "alone", include: ALONE, maxWorkers: 1, sequence: { groupOrder: 2 }, ...patient },
      },
    ],
  },
});
