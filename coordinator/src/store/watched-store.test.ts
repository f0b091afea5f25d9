import { describe, expect, it } from "vitest";
import type { Trouble } from "../platform/health.js";
import { openMemoryStore } from "./sqlite/open-sqlite-store.js";
import { watchStore } from "./watched-store.js";

/** A store whose documents fail as the test says. */
function failing() {
  const plain = openMemoryStore();
  let code: string | undefined;
  const seen: Trouble[] = [];
  const act = async (): Promise<void> => {
    if (code !== undefined) throw Object.assign(new Error("secret words"), { code });
  };
  const documents = { ...plain.documents, put: act, get: async () => void (await act()) };
  const watched = watchStore({ ...plain, documents }, (trouble) => seen.push(trouble));
  return {
    ...watched,
    seen,
    failWith(next: string | undefined): void {
      code = next;
    },
  };
}

describe("a watched store", () => {
  it("hands on what its parts do", async () => {
    const { store, trouble } = watchStore(openMemoryStore(), () => {});
    await store.documents.put("a", "{}");
    expect(await store.documents.get("a")).toBe("{}");
    expect(trouble()).toBeUndefined();
    await store.close();
  });

  it.each(["SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_READONLY", "53100", "25006"])(
    "is in trouble from %s until it writes again",
    async (code) => {
      const { store, trouble, failWith, seen } = failing();
      failWith(code);
      await expect(store.documents.put("a", "{}")).rejects.toThrow("secret words");
      expect(trouble()).toBe("store_not_written");
      expect(seen).toEqual(["store_not_written"]);
      failWith(undefined);
      await store.documents.get("a");
      await store.enrolments.touch(new Map());
      await store.receipts.put([]);
      expect(trouble()).toBe("store_not_written");
      await store.documents.put("a", "{}");
      expect(trouble()).toBeUndefined();
    },
  );

  it.each(["SQLITE_CORRUPT", "SQLITE_CORRUPT_INDEX", "SQLITE_NOTADB", "XX001"])(
    "stays damaged after %s, also from reading",
    async (code) => {
      const { store, trouble, failWith } = failing();
      failWith(code);
      await expect(store.documents.get("a")).rejects.toThrow();
      failWith("SQLITE_FULL");
      await expect(store.documents.put("a", "{}")).rejects.toThrow();
      failWith(undefined);
      await store.documents.put("a", "{}");
      expect(trouble()).toBe("store_damaged");
    },
  );

  it("is away until anything is answered", async () => {
    const { store, trouble, failWith, seen } = failing();
    failWith("away");
    await expect(store.documents.get("a")).rejects.toThrow();
    expect(seen).toEqual(["store_away"]);
    await store.receipts.put([]);
    expect(trouble()).toBe("store_away");
    failWith(undefined);
    await store.documents.get("a");
    expect(trouble()).toBeUndefined();
  });

  it("takes no other failure for the disk's", async () => {
    const { store, trouble, failWith } = failing();
    failWith("SQLITE_CONSTRAINT");
    await expect(store.documents.put("a", "{}")).rejects.toThrow();
    expect(trouble()).toBeUndefined();
  });
});
