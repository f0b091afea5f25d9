import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AttestingMachine } from "../scripted/attesting-machine.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// Attacks on what an answer is said to have been, and on what is taken for a request.

let hearth: TestCoordinator;

beforeEach(async () => {
  // Whatever else this machine does, the end of a stream waits for what is signed.
  hearth = await startTestCoordinator({ config: { receiptWaitMs: 5_000 } });
});
afterEach(() => hearth.stop());

const ask = { model: "m", messages: [{ role: "user", content: "Hi" }] };

describe("a receipt", () => {
  it("must name as many cached tokens as were told, since they are priced by themselves", async () => {
    const usage = { prompt_tokens: 300, completion_tokens: 2, cached_tokens: 10 };
    const provider = await hearth.provider(
      (stream) => {
        stream.role();
        stream.content("Hello");
        stream.finish();
        stream.raw("data: [DONE]\n\n", true);
        return stream.certify(usage, { usage: { ...usage, cached_tokens: 290 } });
      },
      { machine: new AttestingMachine() },
    );
    const text = await (await hearth.chat({ ...ask, stream: true })).text();
    expect((await provider.closed).reason).toBe("untrusted");
    expect(text).not.toContain("hearth-receipt");
    const metrics = await (await hearth.get("/metrics")).text();
    expect(metrics).toContain('hearth_proofs_total{kind="receipt",outcome="mismatch"} 1');
  });

  it("that does not come is counted, and the answer stands without one", async () => {
    await hearth.stop();
    hearth = await startTestCoordinator();
    const finish = (stream: ScriptedStream): void => {
      stream.role();
      stream.content("Hello");
      stream.finish();
      stream.raw("data: [DONE]\n\n", true);
      stream.complete();
    };
    const provider = await hearth.provider(finish, { machine: new AttestingMachine() });
    const response = await hearth.chat({ ...ask, stream: true });
    const id = response.headers.get("x-receipt-id");
    const pending = `: hearth-receipt ${JSON.stringify({ status: "pending", request_id: id })}\n\n`;
    expect((await response.text()).endsWith(`data: [DONE]\n\n${pending}`)).toBe(true);
    expect(provider.socket.readyState).toBe(provider.socket.OPEN);
    provider.terminate();
    const kept = (): Promise<Response> => hearth.get(`/v1/receipts/${id}`);
    await expect
      .poll(async () => (await (await kept()).json()) as object)
      .toMatchObject({ error: { code: "not_found" } });
    const metrics = await (await hearth.get("/metrics")).text();
    expect(metrics).toContain('hearth_proofs_total{kind="receipt",outcome="missing"} 1');
  });

  it("is kept for the attempt that answered, not for one that failed before it", async () => {
    let streams = 0;
    const script = (stream: ScriptedStream): void => {
      streams += 1;
      if (streams === 1) stream.error();
      else stream.answer("Hello");
    };
    const providers = [];
    for (let n = 0; n < 2; n++) providers.push(await hearth.provider(script, { machine: new AttestingMachine() }));
    const response = await hearth.chat(ask);
    const kept = await hearth.receipt(response);
    const winner = providers.find(({ id }) => id === response.headers.get("x-provider-id"));
    expect(kept).toMatchObject({
      provider_id: winner?.id,
      receipt: { content: { attempt_id: winner?.streams[0]?.frame.attempt_id } },
    });
  });
});

describe("a body that is declared as sealed", () => {
  it("is never read in the open, at a route that takes no sealed body either", async () => {
    const response = await fetch(`${hearth.url}/v1/messages/count_tokens`, {
      method: "POST",
      headers: { "x-api-key": API_KEY, "Content-Type": "application/hearth-sealed+json" },
      body: JSON.stringify(ask),
    });
    expect(response.status).toBe(400);
  });
});
