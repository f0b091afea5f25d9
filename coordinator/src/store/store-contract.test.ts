import { beforeEach, describe, expect, it } from "vitest";
import { ENROLMENT_PRUNE_BATCH, type NewEnrolmentToken, type NewMachine } from "./enrolment-store.js";
import { PRUNE_BATCH, type StoredReceipt } from "./receipt-store.js";
import type { Store } from "./store.js";
import { placeForTests, STORE_PLACES } from "./testing/store-places.js";

const MANY = 1_000;

const machine = (id: string, given: Partial<NewMachine> = {}): NewMachine => ({
  id,
  account: "anna",
  identity: `identity-${id}`,
  name: "Studio",
  platform: "darwin",
  agentVersion: "0.1.0",
  method: "device_code",
  tokenDigest: `digest-${id}`,
  createdAtMs: 1_000,
  ...given,
});

const token = (id: string, given: Partial<NewEnrolmentToken> = {}): NewEnrolmentToken => ({
  id,
  account: "anna",
  tokenDigest: `digest-${id}`,
  note: "rack 4",
  createdAtMs: 1_000,
  expiresAtMs: 9_000,
  ...given,
});

const receipt = (requestId: string, given: Partial<StoredReceipt> = {}): StoredReceipt => ({
  requestId,
  account: "anna",
  providerId: "prv_1",
  createdAtMs: 1_000,
  blob: Uint8Array.of(1, 2, 3),
  signature: Uint8Array.of(4),
  attestationHash: "hash-1",
  ...given,
});

const attestation = (hash: string, createdAtMs = 1_000) => ({
  hash,
  blob: Uint8Array.of(9),
  signature: Uint8Array.of(8),
  identityKey: Uint8Array.of(7),
  createdAtMs,
});

describe.each(STORE_PLACES)("$name", (engine) => {
  const place = placeForTests(engine);
  let store: Store;

  beforeEach(() => {
    store = place().store;
  });

  describe("machines", () => {
    it("keeps every member of a machine", async () => {
      const added = await store.enrolments.addMachine(machine("m1"), MANY);
      const kept = { ...machine("m1"), lastSeenAtMs: undefined, revokedAtMs: undefined };
      expect(added).toEqual({ type: "added", machine: kept, replaced: undefined });
      expect(await store.enrolments.activeMachines()).toEqual([kept]);
    });

    it("replaces the same account's enrolment of one identity, and nobody else's", async () => {
      await store.enrolments.addMachine(machine("m1", { identity: "same" }), MANY);
      await store.enrolments.addMachine(machine("m2", { identity: "same", account: "ben" }), MANY);
      const added = await store.enrolments.addMachine(machine("m3", { identity: "same", createdAtMs: 2_000 }), MANY);
      expect(added).toMatchObject({ type: "added", replaced: { id: "m1", revokedAtMs: 2_000 } });
      const active = await store.enrolments.activeMachines();
      expect(active.map(({ id }) => id).sort()).toEqual(["m2", "m3"]);
    });

    it("holds an account to its number of machines, and still lets one of them enrol again", async () => {
      await store.enrolments.addMachine(machine("m1"), 2);
      await store.enrolments.addMachine(machine("m2"), 2);
      expect(await store.enrolments.addMachine(machine("m3"), 2)).toEqual({ type: "account_full" });
      expect((await store.enrolments.addMachine(machine("m4", { identity: "identity-m1" }), 2)).type).toBe("added");
      expect((await store.enrolments.addMachine(machine("m5", { account: "ben" }), 2)).type).toBe("added");
    });

    it("leaves the old enrolment alone when the account is over a limit that came later", async () => {
      await store.enrolments.addMachine(machine("m1"), MANY);
      await store.enrolments.addMachine(machine("m2"), MANY);
      const again = machine("m3", { identity: "identity-m1" });
      expect(await store.enrolments.addMachine(again, 1)).toEqual({ type: "account_full" });
      expect((await store.enrolments.activeMachines()).map(({ id }) => id).sort()).toEqual(["m1", "m2"]);
    });

    it("revokes once, and only for the account whose machine it is", async () => {
      await store.enrolments.addMachine(machine("m1"), MANY);
      expect(await store.enrolments.revokeMachine("m1", 5_000, "ben")).toBeUndefined();
      expect(await store.enrolments.revokeMachine("m1", 5_000, "anna")).toMatchObject({ id: "m1", revokedAtMs: 5_000 });
      expect(await store.enrolments.revokeMachine("m1", 6_000)).toBeUndefined();
      expect(await store.enrolments.revokeMachine("m9", 6_000)).toBeUndefined();
      expect(await store.enrolments.activeMachines()).toEqual([]);
      expect(await store.enrolments.listMachines({ limit: 10 })).toMatchObject([{ id: "m1", revokedAtMs: 5_000 }]);
    });

    it("gives a machine to another account, in the place of that one's own enrolment of it", async () => {
      const move = { id: "m1", account: "ben", maxPerAccount: 1, atMs: 5_000 };
      await store.enrolments.addMachine(machine("m1", { identity: "same" }), MANY);
      await store.enrolments.addMachine(machine("m2", { identity: "same", account: "ben" }), MANY);
      expect(await store.enrolments.moveMachine(move)).toEqual({
        type: "moved",
        from: "anna",
        machine: expect.objectContaining({ id: "m1", account: "ben", tokenDigest: machine("m1").tokenDigest }),
        replaced: expect.objectContaining({ id: "m2", revokedAtMs: 5_000 }),
      });
      expect(await store.enrolments.moveMachine(move)).toMatchObject({ type: "moved", from: "ben" });
      expect(await store.enrolments.activeMachines()).toMatchObject([{ id: "m1", account: "ben" }]);
      expect(await store.enrolments.listMachines({ limit: 10, account: "anna" })).toEqual([]);
      await store.enrolments.addMachine(machine("m3"), MANY);
      expect(await store.enrolments.moveMachine({ ...move, id: "m3" })).toEqual({ type: "account_full" });
      await store.enrolments.revokeMachine("m3", 6_000);
      for (const id of ["m3", "m9"]) {
        expect(await store.enrolments.moveMachine({ ...move, id, maxPerAccount: MANY })).toEqual({ type: "unknown" });
      }
    });

    it("notes when machines were seen", async () => {
      await store.enrolments.addMachine(machine("m1"), MANY);
      await store.enrolments.touch(
        new Map([
          ["m1", 7_000],
          ["gone", 7_000],
        ]),
      );
      expect(await store.enrolments.activeMachines()).toMatchObject([{ id: "m1", lastSeenAtMs: 7_000 }]);
    });

    it("lists page by page, oldest first, of one account or of all", async () => {
      for (const [id, account, createdAtMs] of [
        ["b", "anna", 1],
        ["a", "anna", 1],
        ["c", "ben", 2],
        ["d", "anna", 3],
      ] as const) {
        await store.enrolments.addMachine(machine(id, { account, createdAtMs }), MANY);
      }
      const ids = async (page: Parameters<typeof store.enrolments.listMachines>[0]) =>
        (await store.enrolments.listMachines(page)).map(({ id }) => id);
      expect(await ids({ limit: 3 })).toEqual(["a", "b", "c"]);
      expect(await ids({ limit: 3, after: "c" })).toEqual(["d"]);
      expect(await ids({ limit: 1, account: "anna", after: "a" })).toEqual(["b"]);
      expect(await ids({ limit: 9, account: "anna", after: "b" })).toEqual(["d"]);
      expect(await ids({ limit: 9, after: "nobody" })).toEqual([]);
    });
  });

  describe("enrolment tokens", () => {
    const newcomer = (id: string, createdAtMs = 2_000) => {
      const { account: _account, ...rest } = machine(id, { method: "enrolment_token", createdAtMs });
      return rest;
    };

    it("spends a token once, for the account that it was made for", async () => {
      expect(await store.enrolments.addTokens([token("t1", { account: "ben" })], MANY)).toBe("added");
      const first = await store.enrolments.redeem("digest-t1", newcomer("m1"), MANY);
      expect(first).toMatchObject({ type: "added", machine: { id: "m1", account: "ben" } });
      expect(await store.enrolments.redeem("digest-t1", newcomer("m2"), MANY)).toEqual({ type: "used" });
      expect(await store.enrolments.listTokens({ limit: 9 })).toMatchObject([{ id: "t1", usedAtMs: 2_000 }]);
      expect(await store.enrolments.activeMachines()).toHaveLength(1);
    });

    it("lets one of many that race with one token win, from several coordinators too", async () => {
      await store.enrolments.addTokens([token("t1")], MANY);
      const racers = Array.from({ length: 40 }, (_, n) =>
        (n % 2 ? store : place().other).enrolments.redeem("digest-t1", newcomer(`m${n}`), MANY),
      );
      const results = (await Promise.all(racers)).map(({ type }) => type).sort();
      expect(results).toEqual(["added", ...new Array(39).fill("used")]);
      expect(await store.enrolments.activeMachines()).toHaveLength(1);
    });

    it("names why a token is no good", async () => {
      await store.enrolments.addTokens([token("t1"), token("t2")], MANY);
      expect(await store.enrolments.revokeToken("t2", 1_500)).toBe(true);
      expect(await store.enrolments.redeem("digest-t9", newcomer("m1"), MANY)).toEqual({ type: "unknown" });
      expect(await store.enrolments.redeem("digest-t2", newcomer("m1"), MANY)).toEqual({ type: "revoked" });
      expect(await store.enrolments.redeem("digest-t1", newcomer("m1", 9_000), MANY)).toEqual({ type: "expired" });
      expect((await store.enrolments.redeem("digest-t1", newcomer("m1", 8_999), MANY)).type).toBe("added");
    });

    it("spends nothing when the account has no room for the machine", async () => {
      await store.enrolments.addTokens([token("t1")], MANY);
      expect(await store.enrolments.redeem("digest-t1", newcomer("m1"), 0)).toEqual({ type: "account_full" });
      expect((await store.enrolments.redeem("digest-t1", newcomer("m1"), 1)).type).toBe("added");
    });

    it("adds all of a batch or none, and bounds what one account may have unused", async () => {
      expect(await store.enrolments.addTokens([token("t1"), token("t2")], 3)).toBe("added");
      expect(await store.enrolments.addTokens([token("t3"), token("t4")], 3)).toBe("account_full");
      expect(await store.enrolments.listTokens({ limit: 9 })).toHaveLength(2);
      await store.enrolments.redeem("digest-t1", newcomer("m1"), MANY);
      expect(await store.enrolments.addTokens([token("t3"), token("t4")], 3)).toBe("added");
      await expect(store.enrolments.addTokens([token("t5"), token("t4")], MANY)).rejects.toThrow();
      expect(await store.enrolments.listTokens({ limit: 9 })).toHaveLength(4);
    });

    it("revokes only what can still be used, and only for its account", async () => {
      await store.enrolments.addTokens([token("t1"), token("t2")], MANY);
      expect(await store.enrolments.revokeToken("t1", 2_000, "ben")).toBe(false);
      expect(await store.enrolments.revokeToken("t1", 2_000, "anna")).toBe(true);
      expect(await store.enrolments.revokeToken("t1", 2_000, "anna")).toBe(false);
      expect(await store.enrolments.revokeToken("t2", 9_000)).toBe(false);
    });

    it("forgets what ended long ago, and nothing that still counts", async () => {
      await store.enrolments.addTokens([token("t1"), token("t2"), token("t3", { expiresAtMs: 90_000 })], MANY);
      await store.enrolments.redeem("digest-t1", newcomer("m1"), MANY);
      await store.enrolments.addMachine(machine("m2"), MANY);
      await store.enrolments.revokeMachine("m1", 3_000);
      expect(await store.enrolments.prune(2_000)).toBe(0);
      // Two tokens, and a machine.
      expect(await store.enrolments.prune(20_000)).toBe(2);
      expect((await store.enrolments.listTokens({ limit: 9 })).map(({ id }) => id)).toEqual(["t3"]);
      expect((await store.enrolments.listMachines({ limit: 9 })).map(({ id }) => id)).toEqual(["m2"]);
    });
  });

  it("forgets no more of enrolments than a batch at once, and says so", async () => {
    const many = Array.from({ length: ENROLMENT_PRUNE_BATCH + 2 }, (_, n) => token(`t${n}`));
    await store.enrolments.addTokens(many, MANY * many.length);
    expect(await store.enrolments.prune(20_000)).toBe(ENROLMENT_PRUNE_BATCH);
    expect(await store.enrolments.prune(20_000)).toBe(2);
  });

  describe("receipts and attestations", () => {
    it("gives a receipt back byte for byte, to its account only", async () => {
      await store.receipts.put([receipt("req_1"), receipt("req_2", { account: "ben" })]);
      expect(await store.receipts.find("req_1", "anna")).toEqual(receipt("req_1"));
      expect(await store.receipts.find("req_1", "ben")).toBeUndefined();
      expect(await store.receipts.find("req_3", "anna")).toBeUndefined();
    });

    it("never changes a receipt or an attestation that is there", async () => {
      await store.receipts.put([receipt("req_1"), receipt("req_1", { providerId: "prv_2" })]);
      await store.receipts.put([receipt("req_1", { providerId: "prv_3" })]);
      expect((await store.receipts.find("req_1", "anna"))?.providerId).toBe("prv_1");
      await store.attestations.put(attestation("hash-1"));
      await store.attestations.put({ ...attestation("hash-1"), blob: Uint8Array.of(0) });
      expect(await store.attestations.get("hash-1")).toEqual(attestation("hash-1"));
      expect(await store.attestations.get("hash-2")).toBeUndefined();
    });

    it("keeps all of a batch or none", async () => {
      const broken = { ...receipt("req_2"), providerId: null } as unknown as StoredReceipt;
      await expect(store.receipts.put([receipt("req_1"), broken])).rejects.toThrow();
      expect(await store.receipts.find("req_1", "anna")).toBeUndefined();
      await store.receipts.put([]);
    });

    it("forgets receipts by age, then the oldest beyond a number", async () => {
      await store.receipts.put([1, 2, 3, 4, 5].map((n) => receipt(`req_${n}`, { createdAtMs: n })));
      expect(await store.receipts.prune(3, 2)).toBe(3);
      const left = [1, 2, 3, 4, 5].map(async (n) => (await store.receipts.find(`req_${n}`, "anna")) !== undefined);
      expect(await Promise.all(left)).toEqual([false, false, false, true, true]);
      expect(await store.receipts.prune(0, 2)).toBe(0);
    });

    it("forgets attestations with the last receipt that names them", async () => {
      await store.attestations.put(attestation("hash-1", 1));
      await store.attestations.put(attestation("hash-2", 1));
      await store.attestations.put(attestation("young", 9));
      await store.receipts.put([receipt("req_1", { attestationHash: "hash-1", createdAtMs: 5 })]);
      await store.receipts.prune(4, MANY);
      expect(await store.attestations.get("hash-1")).toBeDefined();
      expect(await store.attestations.get("hash-2")).toBeUndefined();
      expect(await store.attestations.get("young")).toBeDefined();
      await store.receipts.prune(6, MANY);
      expect(await store.attestations.get("hash-1")).toBeUndefined();
    });

    it("forgets no more than a batch at once, and says so", async () => {
      const many = Array.from({ length: PRUNE_BATCH + 2 }, (_, n) => receipt(`req_${n}`, { createdAtMs: n }));
      await store.receipts.put(many);
      expect(await store.receipts.prune(0, 1)).toBe(PRUNE_BATCH);
      expect(await store.receipts.prune(0, 1)).toBe(1);
      expect(await store.receipts.find(`req_${PRUNE_BATCH + 1}`, "anna")).toBeDefined();
    });
  });

  it("keeps the last word on each pair of machine and model, oldest answer first, until it is taken away", async () => {
    const known = (model: string, providerId: string, answeredAtMs: number) => ({
      model,
      providerId,
      account: "anna",
      answeredAtMs,
      facts: "{}",
    });
    await store.knownModels.put([known("a", "prv_1", 3), known("a", "prv_2", 2), known("b", "prv_1", 1)]);
    await store.knownModels.put([known("b", "prv_1", 4)]);
    expect(await store.knownModels.all()).toEqual([
      known("a", "prv_2", 2),
      known("a", "prv_1", 3),
      known("b", "prv_1", 4),
    ]);
    await store.knownModels.remove([
      { model: "a", providerId: "prv_1" },
      { model: "c", providerId: "prv_1" },
    ]);
    expect(await store.knownModels.all()).toEqual([known("a", "prv_2", 2), known("b", "prv_1", 4)]);
  });

  it("keeps the last text of a document", async () => {
    expect(await store.documents.get("manifest")).toBeUndefined();
    await store.documents.put("manifest", '{"v":1}');
    await store.documents.put("manifest", '{"v":"zwölf"}');
    expect(await store.documents.get("manifest")).toBe('{"v":"zwölf"}');
  });

  it("lists the documents of one beginning, and removes those that are named", async () => {
    for (const name of ["of/b", "of/a", "of", "OF/c", "other/of/a"]) await store.documents.put(name, `"${name}"`);
    expect(await store.documents.list("of/")).toEqual([
      { name: "of/a", json: '"of/a"' },
      { name: "of/b", json: '"of/b"' },
    ]);
    await store.documents.remove(["of/a", "of/none"]);
    expect((await store.documents.list("")).map(({ name }) => name)).toEqual(["OF/c", "of", "of/b", "other/of/a"]);
  });

  describe("much at once", () => {
    it("holds an account to its number of machines, whoever adds them", async () => {
      const racers = Array.from({ length: 20 }, (_, n) =>
        (n % 2 ? store : place().other).enrolments.addMachine(machine(`m${n}`), 5),
      );
      const results = (await Promise.all(racers)).map(({ type }) => type).sort();
      expect(results).toEqual([...new Array(15).fill("account_full"), ...new Array(5).fill("added")]);
      expect(await store.enrolments.activeMachines()).toHaveLength(5);
    });

    it("lets the last enrolment of one identity count, and leaves one of them", async () => {
      const racers = Array.from({ length: 20 }, (_, n) =>
        (n % 2 ? store : place().other).enrolments.addMachine(machine(`m${n}`, { identity: "same" }), MANY),
      );
      for (const { type } of await Promise.all(racers)) expect(type).toBe("added");
      expect(await store.enrolments.activeMachines()).toHaveLength(1);
      expect(await store.enrolments.listMachines({ limit: 99 })).toHaveLength(20);
    });

    it("does what stands beside something that fails", async () => {
      const broken = { ...receipt("req_1"), providerId: null } as unknown as StoredReceipt;
      const results = await Promise.allSettled([
        store.documents.put("a", "1"),
        store.receipts.put([broken]),
        store.documents.put("b", "2"),
        store.receipts.put([broken]),
        store.receipts.put([receipt("req_2")]),
      ]);
      expect(results.map(({ status }) => status)).toEqual([
        "fulfilled",
        "rejected",
        "fulfilled",
        "rejected",
        "fulfilled",
      ]);
      expect([await store.documents.get("a"), await store.documents.get("b")]).toEqual(["1", "2"]);
      expect(await store.receipts.find("req_2", "anna")).toBeDefined();
    });

    it("shows everybody what it has said is kept", async () => {
      for (let n = 0; n < 10; n++) {
        await (n % 2 ? store : place().other).documents.put("turn", String(n));
        expect(await (n % 2 ? place().other : store).documents.get("turn")).toBe(String(n));
      }
    });

    it("keeps a large batch, and lets others ask meanwhile", async () => {
      const blob = new Uint8Array(1_000).fill(7);
      const many = Array.from({ length: 5_000 }, (_, n) => receipt(`req_${n}`, { blob }));
      const [, document] = await Promise.all([store.receipts.put(many), store.documents.get("a")]);
      expect(document).toBeUndefined();
      for (const n of [0, 199, 200, 4_999]) {
        expect(await store.receipts.find(`req_${n}`, "anna")).toEqual(receipt(`req_${n}`, { blob }));
      }
    });

    it("refuses what would wait behind too much, and takes it when there is room", async () => {
      const small = await engine.open(3);
      try {
        const asked = Array.from({ length: 5 }, (_, n) => small.store.documents.put(`d${n}`, "{}"));
        const results = await Promise.allSettled(asked);
        expect(results.map(({ status }) => status)).toEqual([
          "fulfilled",
          "fulfilled",
          "fulfilled",
          "rejected",
          "rejected",
        ]);
        await expect(asked[4]).rejects.toMatchObject({ name: "StoreError", code: "busy" });
        await small.store.documents.put("d4", "{}");
      } finally {
        await small.clear();
      }
    });
  });

  describe("values", () => {
    it.each([
      ["quotes and signs", `'; DROP TABLE machines; -- "\\ $1 ?1 \u2028`],
      ["many alphabets", "zwölf 語 🙂 \u0301"],
      ["a long text", "x".repeat(1_000_000)],
      ["nothing", ""],
    ])("gives back %s as it was", async (_what, text) => {
      await store.documents.put("text", text);
      expect(await store.documents.get("text")).toBe(text);
    });

    it("puts U+FFFD in the place of what no database of ours can hold", async () => {
      await store.documents.put("text", "a\0b\ud800c");
      expect(await store.documents.get("text")).toBe("a\ufffdb\ufffdc");
    });

    it("keeps a batch with names that are one to the database", async () => {
      const known = { providerId: "prv_1", account: "anna", answeredAtMs: 1, facts: "{}" };
      await store.knownModels.put([
        { ...known, model: "a\0" },
        { ...known, model: "b" },
        { ...known, model: "a\ufffd" },
      ]);
      expect((await store.knownModels.all()).map(({ model }) => model).sort()).toEqual(["a\ufffd", "b"]);
    });

    it.each([0, 1, Number.MAX_SAFE_INTEGER, -1])("gives back the number %d", async (createdAtMs) => {
      await store.receipts.put([receipt("req_1", { createdAtMs })]);
      expect((await store.receipts.find("req_1", "anna"))?.createdAtMs).toBe(createdAtMs);
    });

    it.each([1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])("refuses the number %d", async (createdAtMs) => {
      await expect(store.receipts.put([receipt("req_1", { createdAtMs })])).rejects.toMatchObject({
        name: "RangeError",
      });
      expect(await store.receipts.find("req_1", "anna")).toBeUndefined();
    });

    it("keeps bytes of every kind, also those that share a buffer with others", async () => {
      const all = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
      await store.receipts.put([receipt("req_1", { blob: all.subarray(3, 250), signature: new Uint8Array(0) })]);
      const kept = await store.receipts.find("req_1", "anna");
      expect(kept?.blob).toEqual(new Uint8Array(all.subarray(3, 250)));
      expect(kept?.signature).toEqual(new Uint8Array(0));
    });
  });

  it("does what it has been asked before it closes, twice without complaint, and nothing afterwards", async () => {
    const closed = await engine.open();
    const { documents } = closed.store;
    const asked = Array.from({ length: 300 }, (_, n) => documents.put(`d${n}`, "{}"));
    const closing = closed.store.close();
    await expect(documents.get("d0")).rejects.toMatchObject({ name: "StoreError", code: "closed" });
    await closing;
    expect(await Promise.all(asked)).toHaveLength(300);
    await expect(documents.get("d0")).rejects.toMatchObject({ name: "StoreError", code: "closed" });
    await closed.store.close();
    await closed.clear();
  });
});
