import { describe, expect, it } from "vitest";
import { markLines, scanTags } from "./template-lines.js";

const texts = (source: string): string[] => scanTags(source).map(({ start, end }) => source.slice(start, end));

describe("scanTags", () => {
  it("finds tags with their lines, and none in a comment", () => {
    const source = "a\n{% if x %}\n{# {{ no }}\n #}{{ y }}\n\n{%- endif -%}";
    expect(scanTags(source).map(({ type, line }) => [type, line])).toEqual([
      ["statement", 2],
      ["expression", 4],
      ["statement", 6],
    ]);
  });

  it("ends no tag within quotes or an object", () => {
    expect(texts(`{{ "}}" ~ '%} \\' }}' }}{{ {"a": {"b": 1}} }}{% set x = "%}" %}`)).toEqual([
      `{{ "}}" ~ '%} \\' }}' }}`,
      `{{ {"a": {"b": 1}} }}`,
      `{% set x = "%}" %}`,
    ]);
  });

  it("passes over the tags that the renderer takes out", () => {
    expect(texts("{% generation %}{{ x }}{%- endgeneration -%}")).toEqual(["{{ x }}"]);
  });

  it.each(["{", "{{", "{% if", "{#", "{{ 'x", "{{ {", ""])("comes to an end with %j", (source) => {
    expect(scanTags(source).length).toBeLessThanOrEqual(1);
  });
});

describe("markLines", () => {
  it("marks a branch within its condition", () => {
    expect(markLines("{% if a %}\n{%- elif b or c -%}\n{% endif %}")).toBe(
      "{{ hearth_line(1) }}{% if a %}\n{% elif hearth_line(2) or ( b or c ) %}\n{{ hearth_line(3) }}{% endif %}",
    );
  });
});
