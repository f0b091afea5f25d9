import { expect, it } from "vitest";
import { coordinatorOrigin } from "./coordinator-origin.js";

it.each([
  ["wss://hearth.example/ws/provider", "https://hearth.example"],
  ["wss://hearth.example:8443/ws/provider?x=1", "https://hearth.example:8443"],
  ["https://hearth.example/", "https://hearth.example"],
  ["ws://127.0.0.1:8080/ws/provider", "http://127.0.0.1:8080"],
  ["ws://localhost:8080", "http://localhost:8080"],
  ["ws://[::1]:8080/ws/provider", "http://[::1]:8080"],
])("finds where %s answers HTTP", (coordinator, origin) => {
  expect(coordinatorOrigin(coordinator, false)).toBe(origin);
});

it("sends no token unencrypted to another machine unless it is told to", () => {
  for (const url of [
    "ws://hearth.example",
    "http://192.0.2.1:8080",
    "ws://127.0.0.1.evil.example",
    "ws://localhost.evil",
  ]) {
    expect(() => coordinatorOrigin(url, false), url).toThrowError(/is not encrypted/);
  }
  expect(coordinatorOrigin("ws://192.0.2.1:8080/ws/provider", true)).toBe("http://192.0.2.1:8080");
});

it("refuses what is no coordinator's URL, and does not repeat what may hold a password", () => {
  for (const url of ["", "hearth.example", "ftp://hearth.example", "file:///etc/passwd"]) {
    expect(() => coordinatorOrigin(url, true), url).toThrowError(/must begin with ws/);
  }
  expect(() => coordinatorOrigin("ws://anna:secret@hearth.example", false)).toThrowError(/^ws:\/\/hearth\.example is/);
});
