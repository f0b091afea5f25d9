import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readAgentConfig, type ServeFlags } from "../config.js";
import { loadConfig, parseKey, readConfigText, writeConfig } from "./config-file.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-config-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function problems(text: string): readonly string[] {
  const read = readConfigText(text);
  return read.type === "valid" ? [] : read.problems.map(({ line, key, problem }) => `${line} ${key}: ${problem}`);
}

function configOf(text: string, flags: ServeFlags = {}, env: Record<string, string> = {}) {
  const path = join(folder, "config.toml");
  writeFileSync(path, text);
  return readAgentConfig(
    flags,
    { HEARTH_PROVIDER_TOKEN: "provider-token-0123456789", ...env },
    { file: loadConfig(path) },
  );
}

const FULL = `
name = "studio"
coordinators = ["wss://a.example/ws/provider", "wss://b.example/ws/provider"]
log_level = "warn"
data_dir = "/var/lib/hearth-agent"

[[backends]]
kind = "openai"
url = "https://models.example/v1"
key_env = "MODELS_KEY"
models = ["m"]
headers = { set = { "x-team" = "blue" }, block = ["x-trace"], replace = { "user-agent" = "hearth" } }

[[backends]]
kind = "ollama"

[[backends]]
kind = "owned-llama-server"
model_path = "/models/a.gguf"
args = ["--jinja"]
idle_minutes = 5

[models]
dirs = ["/models"]

[limits]
max_concurrency = 4
max_wait_seconds = 10
go_away_minutes = 20
memory_percent = 80
per_model = { m = 1 }

[availability]
windows = ["mon-fri 22:00-07:00"]
pause_when_active_minutes = 5
pause_on_battery = true
sharing = "owner_only"

[status_page]
enabled = false
port = 4180

[electricity]
usd_per_kwh = 0.3
extra_watts = 120
`;

describe("the configuration file", () => {
  it("decides everything that flags and environment leave open", () => {
    const config = configOf(FULL, {}, { MODELS_KEY: "k3y" });
    expect(config).toMatchObject({
      name: "studio",
      coordinators: ["wss://a.example/ws/provider", "wss://b.example/ws/provider"],
      logLevel: "warn",
      dataDir: "/var/lib/hearth-agent",
      modelDirs: ["/models"],
      limits: { maxConcurrency: 4, maxWaitSeconds: 10, goAwayMinutes: 20, memoryPercent: 80, perModel: { m: 1 } },
      availability: {
        windows: [{ days: [1, 2, 3, 4, 5], fromMinute: 1320, untilMinute: 420 }],
        pauseWhenActiveMinutes: 5,
        pauseOnBattery: true,
        sharing: "owner_only",
      },
      statusPage: { enabled: false, port: 4180 },
      electricity: { usdPerKwh: 0.3, extraWatts: 120 },
    });
    expect(config.backends).toEqual([
      {
        kind: "openai",
        url: "https://models.example/v1",
        key: "k3y",
        models: ["m"],
        embeddings: false,
        headers: { set: { "x-team": "blue" }, block: ["x-trace"], replace: { "user-agent": "hearth" } },
      },
      {
        kind: "ollama",
        url: "http://127.0.0.1:11434/v1",
        key: undefined,
        models: [],
        embeddings: false,
        headers: {},
      },
      expect.objectContaining({ kind: "owned-llama-server", command: "llama-server", idleMinutes: 5 }),
    ]);
  });

  it("yields to the environment, which yields to a flag", () => {
    const env = { HEARTH_COORDINATOR: "ws://env-1/ ws://env-2/", HEARTH_LOG_LEVEL: "debug", MODELS_KEY: "k" };
    expect(configOf(FULL, {}, env)).toMatchObject({ coordinators: ["ws://env-1/", "ws://env-2/"], logLevel: "debug" });
    const flags = { coordinator: ["ws://flag/"], backend: "http://127.0.0.1:1/v1", name: "n", logLevel: "error" };
    expect(configOf(FULL, flags, env)).toMatchObject({
      coordinators: ["ws://flag/"],
      backends: [{ kind: "openai", url: "http://127.0.0.1:1/v1" }],
      name: "n",
      logLevel: "error",
    });
  });

  it("takes a backend's key from a file, and says where there is none", () => {
    const keyFile = join(folder, "key");
    const text = `[[backends]]\nkind = "vllm"\nkey_file = ${JSON.stringify(keyFile)}\n`;
    expect(() => configOf(text)).toThrow(
      `config.toml:3: backends.0.key_file: ${keyFile} cannot be read: it is not there (ENOENT)`,
    );
    writeFileSync(keyFile, "k3y\n");
    expect(configOf(text).backends).toMatchObject([{ kind: "vllm", key: "k3y" }]);
    expect(() => configOf(FULL)).toThrow("config.toml:10: backends.0.key_env: the variable MODELS_KEY is not set");
  });

  it("lists each problem with its line and its key, those of flags too", () => {
    const text = 'nmae = "x"\nlog_level = "loud"\n\n[limits]\nmax_concurrency = 0\n\n[[backends]]\nkind = "olama"\n';
    expect(problems(text)).toEqual([
      expect.stringContaining("2 log_level: Invalid option"),
      expect.stringMatching(/^8 backends\.0\.kind: must be auto, llama-server, .*vllm, .*or owned-llama-server$/),
      expect.stringContaining("5 limits.max_concurrency: Too small"),
      '1 nmae: unknown key "nmae": did you mean "name"?',
    ]);
    expect(() => configOf(text, { backend: "ftp://x" })).toThrow(/config\.toml:8: backends[\s\S]*--backend: must be/);
  });

  it.each([
    ["name = ", "1 : is no TOML"],
    ['[[backends]]\nkind = "openai"', "1 backends.0.url: "],
    ['[[backends]]\nkind = "vllm"\nkey = "a"\nkey_env = "B"', "1 backends.0: has more than one of key"],
    ['[availability]\nwindows = ["someday"]', '2 availability.windows.0: must look like "mon-fri 22:00-07:00"'],
    ['[[backends]]\nkind = "vllm"\nheaders = { set = { "a b" = "x" } }', '3 backends.0.headers: set: "a b" '],
    ['[[backends]]\nkind = "vllm"\nheaders = { set = { a = "x\\r\\ny" } }', '3 backends.0.headers: set: "a" '],
    ['coordinators = ["http://x"]', "1 coordinators.0: must be a ws:// or wss:// URL"],
    ["[limits]\nmemory_percent = 101", "2 limits.memory_percent: Too big"],
    ['[attestation]\nenclave_helpr = "/x"', '2 attestation.enclave_helpr: unknown key "enclave_helpr": did you mean'],
    ...["-0.01", "nan", "inf", "30", '"0.30"'].map((price) => [
      `[electricity]\nusd_per_kwh = ${price}`,
      "2 electricity.usd_per_kwh: must be what a kilowatt hour costs, in dollars, not in cents: from 0 to 10",
    ]),
    ...["-120", "0", "nan", "-inf", "1e9", "[120]"].map((watts) => [
      `[electricity]\nusd_per_kwh = 0.3\nextra_watts = ${watts}`,
      "3 electricity.extra_watts: must be the watts that the machine draws more while requests run: from 0.1 to 20000",
    ]),
    [
      "[electricity]\nextra_watts = 120",
      "2 electricity.extra_watts: says nothing without electricity.usd_per_kwh: set that first",
    ],
    ["[electricity]\nprice = 0.3", 'electricity.price: unknown key "price": there are usd_per_kwh, extra_watts'],
    ["surprise = 1", '1 surprise: unknown key "surprise": there are name, coordinators'],
  ])("refuses %j", (text, expected) => {
    expect(problems(text).join("\n")).toContain(expected);
  });

  it("takes electricity that costs nothing, with no watts", () => {
    const none = configOf("[electricity]\nusd_per_kwh = 0\n").electricity;
    expect(none).toEqual({ usdPerKwh: 0, extraWatts: undefined });
  });

  it("quotes no value in a problem: one may be a key", () => {
    for (const text of ['key = "s3cret', '[[backends]]\nkind = "vllm"\nkey = ["s3cret"]', 'name = "s3cret" oops']) {
      expect(problems(text)).not.toEqual([]);
      expect(problems(text).join()).not.toContain("s3cret");
    }
  });

  it("is written for its owner only, and keeps what was there when asked to", () => {
    const path = join(folder, "below", "config.toml");
    writeConfig(path, "name = 'a'\n");
    writeConfig(path, "name = 'b'\n", "backup");
    expect(readFileSync(path, "utf8")).toBe("name = 'b'\n");
    expect(readFileSync(`${path}.bak`, "utf8")).toBe("name = 'a'\n");
    for (const file of [path, `${path}.bak`]) expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});

it.each([
  ['limits.per_model."a.b"', ["limits", "per_model", "a.b"]],
  ["backends[1].url", ["backends", 1, "url"]],
  ["backends.0.url", ["backends", 0, "url"]],
])("reads the key %s", (text, path) => {
  expect(parseKey(text)).toEqual(path);
});
