import { homedir } from "node:os";
import { describe, expect, it } from "vitest";
import { readAgentConfig, readAgentSettings, type ServeFlags } from "./config.js";
import { AgentError } from "./platform/agent-error.js";

const TOKEN = "provider-token-0123456789";

function problem(flags: ServeFlags, env: Record<string, string>): AgentError {
  try {
    readAgentConfig(flags, env);
  } catch (error) {
    if (error instanceof AgentError) return error;
  }
  throw new Error("nothing was wrong");
}

describe("configuration", () => {
  it("needs nothing but a token", () => {
    const config = readAgentConfig({}, { HEARTH_PROVIDER_TOKEN: TOKEN });
    expect(config).toMatchObject({
      coordinators: ["ws://127.0.0.1:8080/ws/provider"],
      backends: [{ kind: "auto" }],
      models: [],
      limits: { maxConcurrency: undefined, maxWaitSeconds: 10 },
      availability: { windows: [], pauseWhenActiveMinutes: 0, pauseOnBattery: false, sharing: "everyone" },
      statusPage: { enabled: true, port: 0 },
      electricity: undefined,
      name: "default",
      enclaveHelper: undefined,
      logLevel: "info",
    });
    expect(config.tokenFor("ws://127.0.0.1:8080/ws/provider")).toBe(TOKEN);
  });

  it("prefers a flag to the environment, and takes an empty variable for none", () => {
    const env = {
      HEARTH_PROVIDER_TOKEN: TOKEN,
      HEARTH_COORDINATOR: "wss://from.env/ws/provider",
      HEARTH_BACKEND_KEY: "",
      HEARTH_LOG_LEVEL: "",
    };
    expect(readAgentConfig({}, env)).toMatchObject({
      coordinators: ["wss://from.env/ws/provider"],
      backends: [{ kind: "auto", key: undefined }],
    });
    const flags = {
      coordinator: "wss://from.flag/",
      backend: "http://127.0.0.1:1/v1",
      backendKey: "k",
      model: ["a", "b"],
    };
    expect(readAgentConfig(flags, env)).toMatchObject({
      coordinators: ["wss://from.flag/"],
      backends: [{ kind: "openai", url: "http://127.0.0.1:1/v1", key: "k" }],
      models: ["a", "b"],
    });
  });

  it("lists every problem at once, by the name that people set it by", () => {
    const { code, message } = problem(
      { coordinator: "http://x", backend: "ftp://y", name: "" },
      { HEARTH_LOG_LEVEL: "loud" },
    );
    expect(code).toBe("config_invalid");
    for (const name of ["--coordinator", "--backend", "--name", "HEARTH_PROVIDER_TOKEN", "HEARTH_LOG_LEVEL"]) {
      expect(message).toContain(`- ${name}`);
    }
  });

  it.each([
    ["cut-off", "it has only 7 characters; a provider token has 16 to 1024"],
    ["x".repeat(1_025), "it has more than 1024 characters"],
  ])("says when a token cannot be one", (token, words) => {
    expect(problem({}, { HEARTH_PROVIDER_TOKEN: token }).message).toContain(`HEARTH_PROVIDER_TOKEN: ${words}`);
    expect(() => readAgentConfig({}, {}, { storedToken: () => token })).toThrow(`the kept provider token: ${words}`);
  });

  it("has for each coordinator the token that is kept when it is asked", () => {
    const kept: Record<string, string> = { "ws://a/": "token-of-old-0123456789", "ws://b/": "token-of-b-0123456789" };
    const coordinator = ["ws://a/", "ws://b/"];
    const config = readAgentConfig({ coordinator }, {}, { storedToken: (place) => kept[place.coordinator] });
    kept["ws://a/"] = "token-of-a-0123456789";
    expect(coordinator.map(config.tokenFor)).toEqual(["token-of-a-0123456789", "token-of-b-0123456789"]);
    const ofShell = readAgentConfig({ coordinator }, { HEARTH_PROVIDER_TOKEN: TOKEN }, { storedToken: () => "kept" });
    expect(ofShell.tokenFor("ws://a/")).toBe(TOKEN);
  });

  it("shows no coordinator the token of another, and says for which there is none", () => {
    const storedToken = ({ coordinator }: { readonly coordinator: string }): string | undefined =>
      coordinator === "ws://b/" ? "token-of-b-0123456789" : undefined;
    const read = () => readAgentConfig({ coordinator: ["ws://a/", "ws://b/"] }, {}, { storedToken });
    expect(read).toThrow("no provider token for ws://a/: run 'hearth-agent login --coordinator ws://a/'");
  });

  it("takes the Secure Enclave helper from the file, and before that from the environment", () => {
    const values = { attestation: { enclave_helper: "~/bin/helper" } };
    const file = { type: "valid", path: "config.toml", text: "", values } as const;
    expect(readAgentSettings({}, { HEARTH_ENCLAVE_HELPER: "" }, file).enclaveHelper).toBe(`${homedir()}/bin/helper`);
    expect(readAgentSettings({}, { HEARTH_ENCLAVE_HELPER: "/opt/helper" }, file).enclaveHelper).toBe("/opt/helper");
    expect(() => readAgentSettings({}, { HEARTH_ENCLAVE_HELPER: "helper" })).toThrow(
      "attestation.enclave_helper (or HEARTH_ENCLAVE_HELPER): must be a program's absolute path",
    );
  });

  it("says no secret, right or wrong", () => {
    const secret = "s3cret".repeat(400);
    const { message } = problem({ coordinator: "nowhere", backendKey: secret }, { HEARTH_PROVIDER_TOKEN: secret });
    expect(message).toContain("HEARTH_PROVIDER_TOKEN");
    expect(message).not.toContain("s3cret");
  });
});

it("does not take the embedded engine for an embedding model", () => {
  expect(() => readAgentConfig({ embeddings: true }, { HEARTH_PROVIDER_TOKEN: TOKEN })).toThrow("--embeddings");
  const flags = { embeddings: true, backend: "http://127.0.0.1:9/v1" };
  expect(readAgentConfig(flags, { HEARTH_PROVIDER_TOKEN: TOKEN }).backends).toMatchObject([{ embeddings: true }]);
  expect(() => readAgentConfig({ completions: true }, { HEARTH_PROVIDER_TOKEN: TOKEN })).toThrow("--completions");
  const plain = { completions: true, backend: "http://127.0.0.1:9/v1" };
  expect(readAgentConfig(plain, { HEARTH_PROVIDER_TOKEN: TOKEN }).backends).toMatchObject([{ completions: true }]);
});
