import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { storeOn } from "../operations/store-on.js";
import { openSqliteStore } from "../sqlite/open-sqlite-store.js";
import type { Store } from "../store.js";
import { watchStore } from "../watched-store.js";
import { EngineThread } from "./engine-thread.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "hearth-worker-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** A store whose thread runs this program. */
async function storeWith(program: string): Promise<Store> {
  const path = join(dir, "worker.mjs");
  writeFileSync(path, `import { parentPort } from "node:worker_threads";\n${program}`);
  return storeOn(await EngineThread.open({ program: pathToFileURL(path), data: null, maxWaiting: 2 }));
}

describe("a thread that dies", () => {
  it.each([
    ["ends", "process.exit(3)"],
    ["throws", "throw new Error('a defect')"],
  ])("fails what it was asked and what it is asked afterwards, when it %s", async (_how, dies) => {
    const plain = await storeWith(`
      parentPort.on("message", () => { ${dies} });
      parentPort.postMessage({ type: "opened" });`);
    const { store, trouble } = watchStore(plain, () => {});
    const asked = await Promise.allSettled([store.documents.get("a"), store.documents.put("b", "{}")]);
    const away = { status: "rejected", reason: { name: "StoreError", code: "away" } };
    expect(asked).toMatchObject([away, away]);
    await expect(store.documents.get("c")).rejects.toMatchObject({ name: "StoreError", code: "away" });
    expect(trouble()).toBe("store_away");
    await store.close();
  });

  it("is no store, when it dies before it has one", async () => {
    await expect(storeWith("process.exit(3)")).rejects.toMatchObject({ name: "StoreError", code: "away" });
  });
});

it("hands over SQLite's codes, which tell what is wrong with the disk", async () => {
  const store = await openSqliteStore(dir);
  const put = store.documents.put(null as unknown as string, "{}");
  await expect(put).rejects.toMatchObject({ name: "SqliteError", code: "SQLITE_CONSTRAINT_NOTNULL" });
  await store.close();
});

it("fails only what cannot be handed over", async () => {
  const store = await openSqliteStore(dir);
  const odd = { limit: 9, after: (() => "") as unknown as string };
  const asked = [store.documents.put("a", "1"), store.enrolments.listTokens(odd), store.documents.put("b", "2")];
  const results = await Promise.allSettled(asked);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect([await store.documents.get("a"), await store.documents.get("b")]).toEqual(["1", "2"]);
  await store.close();
});

it("does not wait for the disk on the main thread", async () => {
  const store = await openSqliteStore(dir);
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  for (let n = 0; n < 20; n++) await store.documents.put("a", String(n));
  isOver = true;
  expect(turns).toBeGreaterThan(20);
  await store.close();
});
