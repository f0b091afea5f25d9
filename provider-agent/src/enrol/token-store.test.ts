import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AgentError } from "../platform/agent-error.js";
import { TokenStore } from "./token-store.js";

const HOME = "http://127.0.0.1:8080";
const MACHINE = { token: "hm-1", machineId: "mach_1", account: "anna" };

let dir: string;

beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), "hearth-tokens-")), "data");
});

afterEach(() => rmSync(join(dir, ".."), { recursive: true }));

it("keeps a token for its owner only, and one for each coordinator and name", () => {
  const tokens = new TokenStore(dir, "default");
  expect(tokens.load(HOME)).toBeUndefined();
  tokens.save(HOME, MACHINE);
  tokens.save("https://hearth.example", { ...MACHINE, token: "hm-2" });
  new TokenStore(dir, "../second").save(HOME, { ...MACHINE, token: "hm-3" });
  expect(tokens.load(HOME)).toEqual(MACHINE);
  expect(tokens.load("https://hearth.example")?.token).toBe("hm-2");
  expect(new TokenStore(dir, "../second").load(HOME)?.token).toBe("hm-3");
  const files = readdirSync(dir);
  expect(files).toHaveLength(3);
  for (const file of files) expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600);
  expect(statSync(dir).mode & 0o777).toBe(0o700);
});

it("replaces a token whole, and leaves nothing else behind", () => {
  const tokens = new TokenStore(dir, "default");
  tokens.save(HOME, MACHINE);
  tokens.save(HOME, { ...MACHINE, token: "hm-9" });
  expect(tokens.load(HOME)?.token).toBe("hm-9");
  expect(readdirSync(dir)).toHaveLength(1);
});

it("forgets a token once", () => {
  const tokens = new TokenStore(dir, "default");
  tokens.save(HOME, MACHINE);
  expect(tokens.remove(HOME)).toBe(true);
  expect(tokens.remove(HOME)).toBe(false);
  expect(tokens.load(HOME)).toBeUndefined();
});

it("says what to do about a file that holds something else, without showing it", () => {
  const tokens = new TokenStore(dir, "default");
  tokens.save(HOME, MACHINE);
  const path = join(dir, readdirSync(dir)[0] ?? "");
  for (const text of ["", "hm-secret", '{"token":5}', "null"]) {
    writeFileSync(path, text);
    expect(() => tokens.load(HOME)).toThrowError(
      new AgentError("config_invalid", `${path} holds no token: remove it, and log in again.`),
    );
  }
});

it("leaves no draft behind when the token's place is taken", () => {
  const tokens = new TokenStore(dir, "default");
  tokens.save(HOME, MACHINE);
  const path = join(dir, readdirSync(dir)[0] ?? "");
  rmSync(path);
  mkdirSync(path);
  expect(() => tokens.save(HOME, MACHINE)).toThrowError(/cannot be used: .*\(EISDIR\)/);
  expect(readdirSync(dir)).toHaveLength(1);
});

it("names the file system's reason when it cannot write", () => {
  writeFileSync(dir, "");
  expect(() => new TokenStore(dir, "default").save(HOME, MACHINE)).toThrowError(
    /cannot be used: .*\((EEXIST|ENOTDIR)\)/,
  );
});
