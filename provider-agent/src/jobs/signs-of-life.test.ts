import { FakeClock } from "@hearth/platform/testing";
import { LIMITS } from "@hearth/protocol";
import { expect, it } from "vitest";
import { SignsOfLife } from "./signs-of-life.js";

function start() {
  const clock = new FakeClock();
  const told: [string, number][] = [];
  return {
    clock,
    told,
    signs: new SignsOfLife(clock, {
      tell: ({ sign, counter, scope }) => void told.push([scope === "server" ? `${sign} somewhere` : sign, counter]),
    }),
  };
}

it("tells a new sign at once, and the same one again only when it has moved and some time has passed", () => {
  const { clock, told, signs } = start();
  signs.saw("loading", 1);
  signs.saw("loading", 2);
  clock.advance(LIMITS.workingIntervalMs - 1);
  signs.saw("loading", 3);
  expect(told).toEqual([["loading", 1]]);
  clock.advance(1);
  signs.saw("loading", 1);
  signs.saw("loading", 4);
  signs.saw("loading", 5);
  expect(told).toEqual([
    ["loading", 1],
    ["loading", 4],
  ]);
});

it("paces each sign by itself, and says nothing of its own accord", () => {
  const { clock, told, signs } = start();
  signs.saw("queued", 3);
  signs.saw("generating", 1);
  expect(told).toEqual([
    ["queued", 3],
    ["generating", 1],
  ]);
  clock.advance(600_000);
  expect(told).toHaveLength(2);
});

it("keeps what is the request's own apart from what may be another's", () => {
  const { told, signs } = start();
  signs.saw("generating", 7);
  signs.saw("generating", 7, "server");
  signs.saw("generating", 8, "server");
  expect(told).toEqual([
    ["generating", 7],
    ["generating somewhere", 7],
  ]);
});
