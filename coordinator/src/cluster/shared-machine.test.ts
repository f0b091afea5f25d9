import { generateKeyPair, preparePublicKey } from "@hearth/e2e";
import type { ProviderId } from "@hearth/protocol";
import { expect, it } from "vitest";
import type { ProviderLink } from "../fleet/provider-link.js";
import { fakeModel, fakeProvider, fakeSlot } from "../testing/fake-provider.js";
import { clusterKeysOf } from "./cluster-keys.js";
import { factsOf, readFacts, readState, seal, stateOf } from "./shared-machine.js";

const KEY = clusterKeysOf("a-secret-of-all-nodes-of-the-tests-0123456789").directory;
const BY = { node: "a", provider: "prv_1", epoch: 7 };
const { keyId, publicKey } = generateKeyPair();

const machine = {
  ...fakeProvider("prv_1", {
    encryptionKey: { keyId, publicKey: preparePublicKey(publicKey) },
    models: new Map([["m", fakeModel({ context_length: 4_096 })]]),
    slots: new Map([["m", fakeSlot({ running: 2 })]]),
    freshUntil: 5_000,
    runtimeUnverified: (model) => model === "m",
    load: () => 2,
  }),
  id: "prv_1" as ProviderId,
  proven: undefined,
  openStream: () => undefined,
  close() {},
} as ProviderLink;

it("tells of a machine what selection needs, and is read as it was", () => {
  const facts = readFacts(KEY, BY, seal(KEY, "facts", BY, factsOf(machine)));
  expect(facts).toMatchObject({ account: "owner", models: [{ id: "m", context_length: 4_096 }] });
  expect(facts?.key).toEqual({ id: keyId, public_key: Buffer.from(publicKey).toString("base64url") });
  const said = stateOf(machine, { version: 3, held: { b: { m: 1 } }, wallAheadMs: 1_000 });
  const state = readState(KEY, BY, seal(KEY, "state", BY, said));
  expect(state).toMatchObject({ version: 3, fresh_until: 6_000, unverified: ["m"], load: { m: [2, 0, 0] } });
  expect(state?.held).toEqual({ b: { m: 1 } });
});

it("is believed of nobody else, of no other machine or connection, and not where a byte is another", () => {
  const sealed = seal(KEY, "facts", BY, factsOf(machine));
  const other = Buffer.from(generateKeyPair().publicKey).toString("base64url");
  const forged = sealed.replace(Buffer.from(publicKey).toString("base64url"), other);
  expect(forged).not.toBe(sealed);
  expect(readFacts(KEY, BY, forged)).toBeUndefined();
  expect(readFacts(clusterKeysOf("another secret").directory, BY, sealed)).toBeUndefined();
  for (const by of [
    { ...BY, node: "b" },
    { ...BY, provider: "prv_2" },
    { ...BY, epoch: 8 },
  ]) {
    expect(readFacts(KEY, by, sealed)).toBeUndefined();
  }
  expect(readState(KEY, BY, sealed)).toBeUndefined();
  expect(readFacts(KEY, BY, "")).toBeUndefined();
});
