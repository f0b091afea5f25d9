import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { issue, newKeys } from "../../../attestation/src/testing/device-chain.js";
import { ADMIN_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";

const BODY = { model: "m", messages: [{ role: "user", content: "hi" }] };

describe("what /metrics tells", () => {
  let hearth: TestCoordinator;
  beforeEach(async () => {
    hearth = await startTestCoordinator();
  });
  afterEach(() => hearth[Symbol.asyncDispose]());

  it("counts requests by route and status, whatever stands in their paths, and no probes", async () => {
    await hearth.provider((s) => s.answer("good"));
    await (await hearth.chat(BODY)).text();
    await (await hearth.chat("{")).text();
    for (const path of ["/v1/me/usage", "/v1/me/usage?limit=1", "/somebodys-secret", "/livez", "/health"]) {
      await (await hearth.get(path)).text();
    }
    await (await hearth.get("/admin/providers", ADMIN_KEY)).text();
    const counted = (await (await hearth.get("/metrics")).text())
      .split("\n")
      .filter((line) => line.startsWith("hearth_http_requests_total{"));
    expect(counted.sort()).toEqual([
      'hearth_http_requests_total{route="/admin",status="200"} 1',
      'hearth_http_requests_total{route="/v1/chat/completions",status="200"} 1',
      'hearth_http_requests_total{route="/v1/chat/completions",status="400"} 1',
      'hearth_http_requests_total{route="/v1/me",status="200"} 2',
      'hearth_http_requests_total{route="other",status="404"} 1',
    ]);
    const seconds = 'hearth_http_request_duration_seconds_count{route="/v1/chat/completions"}';
    expect(await hearth.metric(seconds)).toBe(2);
  });

  it("names the machine and the code of a failed attempt, and how many breakers are open", async () => {
    const provider = await hearth.provider((s) => s.error());
    expect(await hearth.metric("hearth_breaker_open")).toBe(0);
    // Nobody else is there to confirm that it is the machine, so that it takes three.
    for (let n = 0; n < 3; n++) await (await hearth.chat(BODY)).text();
    const failures = `hearth_provider_failures_total{provider="${provider.id}",code="backend_error"}`;
    expect(await hearth.metric(failures)).toBeGreaterThanOrEqual(3);
    expect(await hearth.metric("hearth_breaker_open")).toBe(1);
  });

  it("tells which version runs", async () => {
    const metrics = await (await hearth.get("/metrics")).text();
    expect(metrics).toMatch(/^hearth_build_info\{version="\d+\.\d+\.\d+"\} 1$/m);
    expect(metrics).not.toContain("hearth_certificate_expires_timestamp_seconds 0");
  });
});

describe("the certificate at the public address", () => {
  const END_MS = Date.UTC(2031, 4, 5, 6, 7, 8);

  it("is looked at, trusted or not", async () => {
    const keys = newKeys("P-256");
    const named = { subject: "hearth.example", issuer: "hearth.example" };
    const der = issue({ ...named, keys, signer: keys, notAfter: END_MS, extensions: [] });
    const cert = `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString("base64")}\n-----END CERTIFICATE-----\n`;
    const server = createServer({ cert, key: keys.privateKey.export({ format: "pem", type: "pkcs8" }) });
    server.on("tlsClientError", () => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const publicUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const hearth = await startTestCoordinator({ config: { publicUrl } });
    try {
      const end = (): Promise<number> => hearth.metric("hearth_certificate_expires_timestamp_seconds");
      await eventually("the certificate was seen", async () => (await end()) !== 0);
      expect(await end()).toBe(END_MS / 1000);
    } finally {
      await hearth.stop();
      server.close();
    }
  });
});
