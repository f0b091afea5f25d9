import { LIMITS } from "@hearth/protocol";
import { expect, it } from "vitest";
import { ToldContexts } from "./told-contexts.js";

const context = (id: string, replaces?: string) => ({
  ...{ context_id: id, key_id: "k", encapsulated_key: "" },
  ...(replaces === undefined ? {} : { replaces }),
});

it("tells of each context once, however the coordinators that seal take turns", () => {
  const told = new ToldContexts();
  const turns = ["a", "a", "b", "a", "b", "c", "a"];
  expect(turns.map((id) => told.isNew(context(id)))).toEqual([true, false, true, false, false, true, false]);
});

it("forgets the one that another replaces, as the machine does", () => {
  const told = new ToldContexts();
  for (const id of ["a", "b"]) told.isNew(context(id));
  expect(told.isNew(context("c", "a"))).toBe(true);
  expect(told.isNew(context("b"))).toBe(false);
  expect(told.isNew(context("a"))).toBe(true);
});

it("forgets the one that was used least recently where the machine does", () => {
  const told = new ToldContexts();
  const ids = Array.from({ length: LIMITS.contextsPerConnection }, (_, index) => `c${index}`);
  for (const id of ids) told.isNew(context(id));
  // The first is used again, so that the second one is the oldest.
  expect(told.isNew(context("c0"))).toBe(false);
  expect(told.isNew(context("new"))).toBe(true);
  expect(told.isNew(context("c0"))).toBe(false);
  expect(told.isNew(context("c1"))).toBe(true);
});
