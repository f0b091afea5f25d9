import { expect, it } from "vitest";
import type { Engine } from "./registry.js";
import { storeOn } from "./store-on.js";

it("hands on bytes without the buffer that they share with others", async () => {
  const seen: unknown[] = [];
  const engine: Engine = {
    async run(_name, input) {
      seen.push(input);
      return undefined as never;
    },
    async close() {},
  };
  const pooled = (text: string): Uint8Array => Buffer.from(text);
  const blob = pooled("blob");
  expect(blob.buffer.byteLength).toBeGreaterThan(blob.byteLength);
  const store = storeOn(engine);
  const common = { blob, signature: pooled("signature"), createdAtMs: 1 };
  await store.receipts.put([{ ...common, requestId: "r", account: "a", providerId: "p", attestationHash: "h" }]);
  await store.attestations.put({ ...common, hash: "h", identityKey: pooled("key") });
  const arrays = seen
    .flat()
    .flatMap((each) => Object.values(each as object).filter((one) => one instanceof Uint8Array));
  expect(arrays.map((bytes) => Buffer.from(bytes).toString())).toEqual([
    "blob",
    "signature",
    "blob",
    "signature",
    "key",
  ]);
  for (const bytes of arrays) expect(bytes.buffer.byteLength).toBe(bytes.byteLength);
});

it("asks nothing of the database where there is nothing to do", async () => {
  const engine: Engine = { run: () => expect.fail("it asked"), async close() {} };
  const store = storeOn(engine);
  await store.receipts.put([]);
  await store.enrolments.touch(new Map());
  await store.knownModels.put([]);
  await store.knownModels.remove([]);
});
