import { FakeClock } from "@hearth/platform/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { fakeModel, fakeProvider } from "../testing/fake-provider.js";
import { DepartedProvider } from "./departed-provider.js";
import { Departures } from "./departures.js";

const LIMITS = { expectedBackMs: 1_000, perAddress: 3, perAccount: 4, entries: 20 };

let clock: FakeClock;
let forgotten: string[];
let departures: Departures;
beforeEach(() => {
  clock = new FakeClock();
  forgotten = [];
  departures = new Departures(clock, LIMITS, ({ id }) => forgotten.push(id));
});

interface Leaving {
  readonly address?: string;
  readonly account?: string;
  readonly models?: number;
}

function leave(id: string, { address = id, account = id, models = 1 }: Leaving = {}): void {
  const names = Array.from({ length: models }, (_, n) => `m${n}`);
  const provider = fakeProvider(id, { account, models: new Map(names.map((name) => [name, fakeModel({ id: name })])) });
  departures.add(DepartedProvider.of(provider, clock.now()), address);
}

const here = (): string[] => [...departures.providers()].map(({ id }) => id);

describe("machines that are expected back", () => {
  it("are forgotten one by one as their time is over, with one timer for all of them", () => {
    leave("a");
    clock.advance(600);
    leave("b");
    expect(clock.pending).toBe(1);
    clock.advance(400);
    expect(forgotten).toEqual(["a"]);
    clock.advance(600);
    expect(forgotten).toEqual(["a", "b"]);
    expect(clock.pending).toBe(0);
  });

  it("are waited for anew by one that leaves again", () => {
    leave("a");
    clock.advance(900);
    leave("a");
    clock.advance(900);
    expect(here()).toEqual(["a"]);
    clock.advance(100);
    expect(here()).toEqual([]);
  });

  it("leave no timer when the last is back", () => {
    leave("a");
    departures.take("a" as never);
    expect(clock.pending).toBe(0);
    expect(forgotten).toEqual([]);
  });

  it("are so many of one address, and push out nobody of another", () => {
    leave("other");
    for (const id of ["a", "b", "c", "d"]) leave(id, { address: "one" });
    expect(here()).toEqual(["other", "b", "c", "d"]);
    expect(forgotten).toEqual(["a"]);
  });

  it("are so many of one account, and push out nobody of another", () => {
    leave("other");
    for (const id of ["a", "b", "c", "d", "e"]) leave(id, { account: "one" });
    expect(here()).toEqual(["other", "b", "c", "d", "e"]);
  });

  it("are so many with all their models, and give the room of one that is back to others", () => {
    leave("a", { models: 9 });
    leave("b", { models: 9 });
    expect(here()).toEqual(["a", "b"]);
    leave("c", { models: 5 });
    expect(here()).toEqual(["b", "c"]);
    departures.take("b" as never);
    leave("d", { models: 9 });
    expect(here()).toEqual(["c", "d"]);
  });
});

it("keeps of a machine what a waiting request needs to know, and nothing else", () => {
  const model = fakeModel({
    context_length: 4_096,
    weights_bytes: 1,
    capabilities: { tools: true },
    dialects: ["messages"],
    template_render_ok: false,
    weights_hash: "w".repeat(256),
    template_hash: "t".repeat(256),
    quantization: "q".repeat(256),
  });
  const provider = fakeProvider("a", { trust: "self_attested", availableTo: "owner", models: new Map([["m", model]]) });
  const departed = DepartedProvider.of(provider, 5);
  expect(departed.models.get("m")).toEqual({
    id: "m",
    context_length: 4_096,
    weights_bytes: 1,
    weights_hash: "w".repeat(256),
    capabilities: { tools: true },
    dialects: ["messages"],
    template_render_ok: false,
  });
  expect(departed).toMatchObject({ id: "a", account: "owner", trust: "self_attested", availableTo: "owner" });
  expect(departed.status).toBe("offline");
  expect(departed.slots.size).toBe(0);
});
