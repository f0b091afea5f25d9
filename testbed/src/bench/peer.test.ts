import { describe, expect, it } from "vitest";
import { peerOf } from "./peer.js";

describe("another gateway beside Hearth", () => {
  it("is measured only where somebody says that it is there", () => {
    expect(peerOf({})).toBeUndefined();
    expect(peerOf({ PEER_URL: "" })).toBeUndefined();
  });

  it("is asked at its own path, with what it wants to be told", () => {
    const PEER_HEADERS = JSON.stringify({ "x-provider": "openai", "x-host": "{upstream}" });
    const peer = peerOf({ PEER_URL: "http://127.0.0.1:8787/v1/", PEER_HEADERS, PEER_PID: "42" });
    expect(peer?.target("http://127.0.0.1:9/v1")).toMatchObject({
      port: 8787,
      endpoint: {
        path: "/v1/chat/completions",
        headers: { "x-provider": "openai", "x-host": "http://127.0.0.1:9/v1" },
      },
      front: { pid: 42 },
    });
  });

  it.each([
    [{ PEER_URL: "https://example.com/v1" }, "PEER_URL"],
    [{ PEER_URL: "peer" }, "PEER_URL"],
    [{ PEER_URL: "http://127.0.0.1:1/v1", PEER_HEADERS: "[1]" }, "PEER_HEADERS"],
    [{ PEER_URL: "http://127.0.0.1:1/v1", PEER_HEADERS: "{" }, "PEER_HEADERS"],
    [{ PEER_URL: "http://127.0.0.1:1/v1", PEER_HEADERS: '{"a":"b\\r\\nc: d"}' }, "PEER_HEADERS"],
    [{ PEER_URL: "http://127.0.0.1:1/v1", PEER_PID: "none" }, "PEER_PID"],
  ])("is refused as %j", (env, variable) => {
    expect(() => peerOf(env)).toThrow(variable);
  });
});
