import type { ProviderId } from "@hearth/protocol";
import { expect, it } from "vitest";
import { Affinity } from "./affinity.js";

const conversation = (id: string, continued = true) => ({ id, continued });
const machine = (id: string) => id as ProviderId;

it("knows who answered last, and nothing of a conversation that begins anew", () => {
  const affinity = new Affinity();
  affinity.remember(conversation("c", false), machine("a"));
  affinity.remember(conversation("c"), machine("b"));
  expect(affinity.of(conversation("c"))).toBe("b");
  expect(affinity.of(conversation("c", false))).toBeUndefined();
});

it("forgets the conversation that nobody went on with for longest", () => {
  const affinity = new Affinity(2);
  for (const id of ["a", "b", "a", "c"]) affinity.remember(conversation(id), machine(id));
  expect(["a", "b", "c"].map((id) => affinity.of(conversation(id)))).toEqual(["a", undefined, "c"]);
});
