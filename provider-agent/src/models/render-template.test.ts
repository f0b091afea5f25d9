import { describe, expect, it } from "vitest";
import { type RenderOutcome, type RenderReport, renderTemplate } from "./render-template.js";
import { type FixtureName, fixturesFor } from "./template-fixtures.js";

function reports(source: string, specialTokens: Record<string, string> = {}): RenderReport[] {
  return [...renderTemplate({ source, specialTokens, fixtures: fixturesFor("transformers", true) })];
}

function outcome(source: string, name: FixtureName = "chat"): RenderOutcome | undefined {
  const report = reports(source).find((each) => each.type === "fixture" && each.fixture === name);
  return report?.type === "fixture" ? report.outcome : undefined;
}

const ECHO = "{% for m in messages %}{{ m.content }}{% endfor %}";

describe("renderTemplate", () => {
  it("says that a template rendered, and whether it left anything out", () => {
    expect(outcome(ECHO)).toEqual({ type: "rendered", shown: true });
    expect(outcome("nothing of it")).toEqual({ type: "rendered", shown: false });
  });

  it("tells a refusal of the template's own from a failure of the renderer, each with its line", () => {
    expect(outcome("{% if messages %}\n{{ raise_exception('no  \\n more') }}\n{% endif %}")).toEqual({
      type: "refused",
      message: "no more",
      line: 2,
    });
    expect(outcome(`a\n\n{{ messages.nothing.at_all() }}`)).toMatchObject({ type: "failed", line: 3 });
  });

  it("names the line of the branch whose condition fails, and of what fails inside a macro", () => {
    const branch = "{% if messages is string %}\na\n{% elif 'x' | no_such_filter %}\nb\n{% endif %}";
    expect(outcome(branch)).toMatchObject({ type: "failed", line: 3 });
    const macro = "{% macro f(x) %}\n{{ x | no_such_filter }}\n{% endmacro %}\n\n{{ f('y') }}";
    expect(outcome(macro)).toMatchObject({ type: "failed", line: 2 });
  });

  it.each([
    ["an end too few", "a\n{% for m in messages %}\n{{ m }}\n", 3],
    ["an unknown statement", "a\n\n{% frobnicate x %}", 3],
    ["a character that is none of Jinja's", "{{ a }}\n{{ a ? b }}", 2],
    ["a wrong expression", "{{ a }}\n{# {% #}\n{{ 'x' | }}", 3],
    ["an open quote", "\n{{ 'x }}", 2],
  ])("does not compile with %s, and says on which line", (_, source, line) => {
    expect(reports(source)).toEqual([{ type: "not_compiled", message: expect.any(String), line }]);
  });

  it("takes missing special tokens for empty text, and those there are as they are", () => {
    const source = `{{ bos_token + "|" + eos_token }}${ECHO}{% if bos_token != '<s>' %}{{ raise_exception('bos') }}{% endif %}`;
    const found = reports(source, { bos_token: "<s>" }).filter((each) => each.type === "fixture");
    expect(found.every((each) => each.outcome.type === "rendered")).toBe(true);
    expect(outcome(source)).toMatchObject({ type: "refused", message: "bos" });
  });

  it("sees what a template claims: the variable `tools`, not a member of that name", () => {
    const claims = (source: string): unknown => reports(source)[0];
    expect(claims("{{ tools | tojson }}")).toEqual({ type: "compiled", claims: { tools: true, video: false } });
    expect(claims("{{ messages[0].tools }}<|video_pad|>")).toEqual({
      type: "compiled",
      claims: { tools: false, video: true },
    });
  });

  it("gives a tool's whole schema, and arguments as an object", () => {
    const source = `{% for t in tools or [] %}{% for name, p in t.function.parameters.properties | items %}
      {% if p.type | upper == "" %}{{ raise_exception('type') }}{% endif %}{% endfor %}{% endfor %}
      {% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.name }}{% for k, v in c.function.arguments | items %}{{ k }}={{ v | tojson }}{% endfor %}{% endfor %}{{ m.content }}{% endfor %}`;
    expect(outcome(source, "tool_flow")).toEqual({ type: "rendered", shown: true });
    expect(outcome(source, "parallel_tools")).toEqual({ type: "rendered", shown: true });
  });

  it("keeps what it tells short and free of control characters", () => {
    const said = outcome("{{ raise_exception('\\b' ~ 'x' * 1 ~ ('ab' | replace('', 'long ' | indent(900)))) }}");
    const long = outcome(`{{ raise_exception('${"long ".repeat(400)}') }}`);
    expect(long).toMatchObject({ type: "refused" });
    expect(JSON.stringify(long).length).toBeLessThan(400);
    expect(JSON.stringify(said)).not.toMatch(/\\b|\\u00/);
  });

  it("makes a text of anything by the filter `string`, as Jinja2 does", () => {
    const source = `{% set x = {"a": [1, none]} %}{{ none | string }} {{ true | string }} {{ 1.5 | string }} {{ x | string | upper }} {{ "b" | string }}
      {% if none | string != "None" or x | string != '{"a":[1,null]}' or ("b" | string) != "b" %}{{ raise_exception('no text') }}{% endif %}${ECHO}`;
    expect(outcome(source)).toEqual({ type: "rendered", shown: true });
  });

  it.each([
    ["keys that are no text", "{% set x = {1: 'a'} %}"],
    ["a filter that it has for other values", "{{ [1] | min }}"],
    ["a method of Python's", "{% set l = [] %}{{ l.append(1) }}"],
    ["a method under a key of its name", "{{ {'items': {}}.items() }}"],
    ["what is undefined, looped over", "{% for x in nothing %}{% endfor %}"],
    ["what is undefined, looked up", "{{ {'a': 1}[nothing] }}"],
  ])("does not take for the template's what it lacks itself: %s", (_, source) => {
    expect(outcome(source)).toMatchObject({ type: "unsupported", line: 1 });
  });

  it.each([
    ["a filter that there is not", "{{ 'x' | no_such_filter }}"],
    ["a test that there is not", "{{ 'x' is no_such_test }}"],
    ["a function that there is not", "{{ no_such_function() }}"],
    ["what is undefined, added", "{{ nothing + 'x' }}"],
  ])("takes for the template's own fault: %s", (_, source) => {
    expect(outcome(source)).toMatchObject({ type: "failed", line: 1 });
  });

  it("survives what makes the renderer overflow", () => {
    expect(outcome("{% macro f() %}{{ g() }}{% endmacro %}{% set g = f %}{{ f() }}")?.type).toBe("failed");
    expect(reports(`{{ ${"(".repeat(50_000)}1${")".repeat(50_000)} }}`)[0]?.type).toBe("not_compiled");
  });
});

describe("spellings", () => {
  it("lets one spelling that renders do, where the host has several", () => {
    const source = `{% for m in messages %}{% for c in m.tool_calls or [] %}{% if c.function.arguments is mapping %}{{ nothing + 1 }}{% endif %}{% endfor %}{% endfor %}`;
    const flow = (host: "transformers" | "llama_cpp"): unknown =>
      [...renderTemplate({ source, specialTokens: {}, fixtures: fixturesFor(host, false) })].find(
        (each) => each.type === "fixture" && each.fixture === "tool_flow",
      );
    expect(flow("transformers")).toMatchObject({ outcome: { type: "failed" } });
    expect(flow("llama_cpp")).toMatchObject({ outcome: { type: "rendered" } });
  });
});
