import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createSealedFetch } from "@hearth/client";
import { expect, it } from "vitest";
// Not of the packages' interfaces: the lists that the document promises one line in.
import { ENDPOINTS } from "../../../coordinator/src/api/endpoints.js";
import { SERVER_PROFILES } from "../../../provider-agent/src/backends/server-profiles.js";

const ROOT = new URL("../../../", import.meta.url);
const DOCUMENT = readFileSync(new URL("docs/architecture.md", ROOT), "utf8");

/** A path is told from the root, or from the coordinator's sources. */
const isThere = (path: string): boolean =>
  ["", "coordinator/src/", "coordinator/src/selection/"].some((base) => existsSync(new URL(base + path, ROOT)));

/** The folders of the dialects that are spoken to consumers. */
const DIALECTS = readdirSync(new URL("coordinator/src/api/", ROOT), { withFileTypes: true })
  .filter((each) => each.isDirectory() && existsSync(new URL(`coordinator/src/api/${each.name}/endpoint.ts`, ROOT)))
  .map(({ name }) => name);

it("names files and folders that are there", () => {
  const told = [...DOCUMENT.matchAll(/`([\w.-]+(?:\/[\w.<>-]+)*(?:\.ts|\.md|\/))`/g)].map(([, path]) => path as string);
  const paths = told
    .filter((path) => !path.includes("NAME"))
    .flatMap((path) => (path.includes("<dialect>") ? DIALECTS.map((name) => path.replace("<dialect>", name)) : [path]));
  expect(paths.length).toBeGreaterThan(30);
  expect(paths.filter((path) => !isThere(path))).toEqual([]);
});

it("is right that a dialect of consumers is a folder and a line", () => {
  const lines = readFileSync(new URL("coordinator/src/api/endpoints.ts", ROOT), "utf8");
  expect(DIALECTS.filter((name) => !lines.includes(`"./${name}/endpoint.js"`))).toEqual([]);
  // One may have further routes.
  expect(ENDPOINTS.length).toBeGreaterThanOrEqual(DIALECTS.length);
  expect(DIALECTS.length).toBeGreaterThan(4);
});

it("is right that the sealing client knows the routes of each dialect", async () => {
  const baseUrl = "http://hearth.example";
  const carry = (): Promise<never> => Promise.reject(new Error("carried"));
  const sealing = createSealedFetch({ baseUrl, fetch: carry, publicKey: new Uint8Array(32).fill(9) });
  const asked = { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" };
  // A route that it does not know it refuses, and nobody carries anything.
  for (const { path } of ENDPOINTS) await expect(sealing(baseUrl + path, asked)).rejects.toThrow("carried");
});

it("is right that a kind of backend is a file and a line", () => {
  const sources = ["backends", "config", "cli", "cli/commands"].flatMap((room) => {
    const base = new URL(`provider-agent/src/${room}/`, ROOT);
    return readdirSync(base, { withFileTypes: true })
      .filter((each) => each.isFile() && /(?<!\.test)\.ts$/.test(each.name))
      .map((each) => ({ file: `${room}/${each.name}`, text: readFileSync(new URL(each.name, base), "utf8") }));
  });
  // llama-server is also a program that the agent starts by itself, and the example of a new configuration file.
  for (const { name } of SERVER_PROFILES.filter((profile) => profile.name !== "llama-server")) {
    const naming = sources.filter(({ text }) => new RegExp(`(?<!owned-)["']${name}["']`).test(text));
    expect(naming.map(({ file }) => file)).toEqual([]);
  }
});
