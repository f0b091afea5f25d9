import { expect, it } from "vitest";
import { startTestCoordinator } from "./test-coordinator.js";

const chat = (more: object = {}): object => ({ model: "m", messages: [{ role: "user", content: "hi" }], ...more });

it("streams a scripted answer byte for byte and ends it with one [DONE]", async () => {
  const hearth = await startTestCoordinator();
  try {
    const provider = await hearth.provider((stream) => stream.answer("Hel", "lo"));
    const response = await hearth.chat(chat({ stream: true }));
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text.match(/\[DONE\]/g)).toHaveLength(1);
    expect(text).toContain('"content":"Hel"');
    expect(provider.streams[0]?.body).toMatchObject({ stream: true, stream_options: { include_usage: true } });
    const whole = await hearth.chat(chat());
    expect(await whole.json()).toMatchObject({
      object: "chat.completion",
      choices: [{ message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }],
      usage: { total_tokens: 5 },
    });
  } finally {
    await hearth.stop();
  }
});
