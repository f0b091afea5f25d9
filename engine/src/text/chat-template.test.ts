import { describe, expect, it } from "vitest";
import { ChatTemplate } from "./chat-template.js";

const CHATML =
  "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
const user = { role: "user", content: "Hi" };

function parse(source: string): ChatTemplate {
  const template = ChatTemplate.parse({ source, bosToken: "<s>", eosToken: "</s>" });
  if (template === undefined) throw new Error("the template did not parse");
  return template;
}

describe("ChatTemplate", () => {
  it("writes the messages and the beginning of the answer, with the model's own tokens", () => {
    expect(parse(CHATML).render({ messages: [user] })).toBe(
      "<s><|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    );
  });

  it("passes further variables on, but lets none replace the messages", () => {
    const template = parse("{{ mood }}{{ messages[0].content }}");
    expect(template.render({ messages: [user], variables: { mood: "calm ", messages: [] } })).toBe("calm Hi");
  });

  it("knows tools only if the template shows them and asks for calls in the form that is read back", () => {
    const shows = "{% for t in tools %}{{ t | tojson }}{% endfor %}";
    expect(parse(CHATML).supportsTools).toBe(false);
    expect(parse(`${shows} Answer in JSON.`).supportsTools).toBe(false);
    expect(parse(`Answer with <tool_call>.{{ messages[0].content }}`).supportsTools).toBe(false);
    expect(parse(`${shows} Answer with <tool_call><function=name>.`).supportsTools).toBe(false);
    expect(parse(`${shows} Answer with <tool_call>.`).supportsTools).toBe(true);
  });

  it("works without tools, whether the template loops over them or asks whether they are defined", () => {
    expect(parse("{% for t in tools %}tool{% endfor %}end").render({ messages: [user] })).toBe("end");
    expect(parse("{% if tools is defined %}tools{% endif %}end").render({ messages: [user] })).toBe("end");
  });

  it("reports a template that refuses the messages as the request's fault", () => {
    const template = parse(
      "{% if messages | length > 1 %}{{ raise_exception('one at a time') }}{% endif %}{{ messages[0].content }}",
    );
    expect(() => template.render({ messages: [user, user] })).toThrow(
      expect.objectContaining({ code: "template_failed", message: expect.stringContaining("one at a time") }),
    );
  });

  it("is absent where the model's template is broken", () => {
    expect(ChatTemplate.parse({ source: "{% if %}", bosToken: "", eosToken: "" })).toBeUndefined();
    expect(ChatTemplate.parse({ source: "{{ raise_exception('no') }}", bosToken: "", eosToken: "" })).toBeUndefined();
  });
});
