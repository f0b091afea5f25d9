import Anthropic from "@anthropic-ai/sdk";
import { expect, it } from "vitest";
import { TestAgent } from "../../../provider-agent/src/testing/test-agent.js";
import { until } from "../scripted/answers.js";
import { API_KEY, PROVIDER_TOKEN, startTestCoordinator } from "../scripted/test-coordinator.js";

it("the embedded engine's Messages name the stop sequence that ended them, whole and streamed", async () => {
  await using hearth = await startTestCoordinator();
  await using _agent = new TestAgent({
    coordinators: [`${hearth.url.replace("http", "ws")}/ws/provider`],
    backend: "embedded",
    config: { tokenFor: () => PROVIDER_TOKEN },
  });
  await until("the agent is connected", () => hearth.coordinator.registry.size > 0, 20_000);
  const client = new Anthropic({ apiKey: API_KEY, baseURL: hearth.url, maxRetries: 0 });
  const messages = [{ role: "user" as const, content: "Count to 30." }];
  const ask = { model: "pico", max_tokens: 200, messages, ...({ temperature: 0 } as object) };
  const stopped = { stop_reason: "stop_sequence", stop_sequence: "9, 1" };
  for (const stop_sequences of [["9, 1"], ["never", "9, 1"]]) {
    const whole = await client.messages.create({ ...ask, stop_sequences });
    expect(whole).toMatchObject({ ...stopped, content: [{ type: "text", text: "1, 2, 3, 4, 5, 6, 7, 8, " }] });
    expect(await client.messages.stream({ ...ask, stop_sequences }).finalMessage()).toMatchObject(stopped);
  }
  const ended = { stop_reason: "end_turn", stop_sequence: null };
  expect(await client.messages.create({ ...ask, stop_sequences: ["never"] })).toMatchObject(ended);
});
