import { describe, expect, it } from "vitest";
import { readAgentConfig, type ServeFlags } from "./config.js";
import { AgentError } from "./platform/agent-error.js";

const TOKEN = "provider-token";

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
      coordinator: "ws://127.0.0.1:8080/ws/provider",
      token: TOKEN,
      coordinators: ["ws://127.0.0.1:8080/ws/provider"],
      backend: { type: "embedded" },
      backends: [{ kind: "auto" }],
      backendKey: undefined,
      models: [],
      limits: { maxConcurrency: undefined, maxWaitSeconds: 30 },
      availability: { windows: [], pauseWhenActiveMinutes: 0, pauseOnBattery: false, sharing: "everyone" },
      statusPage: { enabled: true, port: 0 },
      name: "default",
      embeddings: false,
      logLevel: "info",
    });
    expect(config.backend.type === "embedded" && config.backend.modelPath).toMatch(/pico\.gguf$/);
  });

  it("prefers a flag to the environment, and takes an empty variable for none", () => {
    const env = {
      HEARTH_PROVIDER_TOKEN: TOKEN,
      HEARTH_COORDINATOR: "wss://from.env/ws/provider",
      HEARTH_BACKEND_KEY: "",
      HEARTH_LOG_LEVEL: "",
    };
    expect(readAgentConfig({}, env)).toMatchObject({
      coordinator: "wss://from.env/ws/provider",
      backendKey: undefined,
    });
    const flags = {
      coordinator: "wss://from.flag/",
      backend: "http://127.0.0.1:1/v1",
      backendKey: "k",
      model: ["a", "b"],
    };
    expect(readAgentConfig(flags, env)).toMatchObject({
      coordinator: "wss://from.flag/",
      backend: { type: "openai", url: "http://127.0.0.1:1/v1" },
      backendKey: "k",
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

  it("says no secret, right or wrong", () => {
    const secret = "s3cret".repeat(400);
    const { message } = problem({ coordinator: "nowhere", backendKey: secret }, { HEARTH_PROVIDER_TOKEN: secret });
    expect(message).toContain("HEARTH_PROVIDER_TOKEN");
    expect(message).not.toContain("s3cret");
  });
});

it("does not take the embedded engine for an embedding model", () => {
  expect(() => readAgentConfig({ embeddings: true }, { HEARTH_PROVIDER_TOKEN: "a-token" })).toThrow("--embeddings");
  const flags = { embeddings: true, backend: "http://127.0.0.1:9/v1" };
  expect(readAgentConfig(flags, { HEARTH_PROVIDER_TOKEN: "a-token" }).embeddings).toBe(true);
});
