import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { fakeModel, fakeProvider } from "../testing/fake-provider.js";
import { listProviders } from "./provider-list.js";

const FLEET = ["c", "a", "e", "b", "d"].map((id) => fakeProvider(id, { account: id < "c" ? "anna" : "ben" }));

interface Page {
  readonly data: readonly { readonly id: string }[];
  readonly last_id: string | null;
  readonly has_more: boolean;
}

function page(query: Readonly<Record<string, string>>, fleet = FLEET): Page {
  const machineNotes = { of: () => ({ label: "", drained: false }) };
  const standing = () => ({ score: 100, reasons: {} });
  return listProviders(fleet, query, { clock: new FakeClock(), standing, machineNotes }) as Page;
}

describe("the list of providers", () => {
  it("comes in pages that together are all of them, each once, in the order of ids", () => {
    const seen: string[] = [];
    let after: string | null = "";
    for (let more = true; more; ) {
      const { data, last_id, has_more }: Page = page({ limit: "2", ...(after === "" ? {} : { after: after ?? "" }) });
      expect(data.length).toBeLessThanOrEqual(2);
      seen.push(...data.map(({ id }) => id));
      after = last_id;
      more = has_more;
    }
    expect(seen).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("goes on behind an id that has gone meanwhile", () => {
    expect(page({ after: "bb" }).data.map(({ id }) => id)).toEqual(["c", "d", "e"]);
  });

  it("can be one account's", () => {
    expect(page({ account: "anna" }).data.map(({ id }) => id)).toEqual(["a", "b"]);
  });

  it("has at most 100 unless asked, and 1,000 at all", () => {
    const fleet = Array.from({ length: 1_100 }, (_, n) => fakeProvider(`p${n}`));
    expect(page({}, fleet).data).toHaveLength(100);
    expect(page({ limit: "1000" }, fleet).data).toHaveLength(1_000);
    for (const limit of ["1001", "0", "x"]) expect(() => page({ limit }, fleet)).toThrow(/limit/);
  });

  it("ends a page early where machines have many models, and never before its first machine", () => {
    const models = new Map(Array.from({ length: 1_500 }, (_, n) => [`m${n}`, fakeModel({ id: `m${n}` })]));
    const fleet = ["a", "b"].map((id) => fakeProvider(id, { models }));
    expect(page({}, fleet)).toMatchObject({ last_id: "a", has_more: true });
    expect(page({ after: "a" }, fleet)).toMatchObject({ last_id: "b", has_more: false });
    const large = fakeProvider("c", {
      models: new Map([...models, ...[...models].map(([id, m]) => [`${id}-2`, m] as const)]),
    });
    expect(page({}, [large])).toMatchObject({ last_id: "c", has_more: false });
  });

  it("that is empty ends with nothing", () => {
    expect(page({}, [])).toEqual({ object: "list", data: [], last_id: null, has_more: false });
  });
});
