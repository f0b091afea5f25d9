import { expect, it } from "vitest";
import { SERVER_PROFILES, usualUrlOf } from "./server-profiles.js";

it.each(SERVER_PROFILES)("looks for $name where it supposes it", ({ name, ports, usualPort }) => {
  expect(ports).toContain(usualPort);
  expect(usualUrlOf(name)).toBe(`http://127.0.0.1:${usualPort}/v1`);
});

it("knows each kind by one name, and by one owner those that do not hide", () => {
  const names = SERVER_PROFILES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const owners = SERVER_PROFILES.filter(({ hides }) => hides === undefined).map(({ owner }) => owner);
  expect(owners).not.toContain(undefined);
  expect(new Set(owners).size).toBe(owners.length);
});
