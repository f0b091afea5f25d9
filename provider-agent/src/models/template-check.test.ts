import { describe, expect, it } from "vitest";
import { systemClock } from "../platform/clock.js";
import { checkTemplates, TEMPLATE_CHECK_MS, type TemplateCheck } from "./template-check.js";

const GOOD = "{% for m in messages %}{{ m.content if m.content is string else m.content | tojson }}{% endfor %}";
const { signal } = new AbortController();

function check(sources: readonly string[], vision = false, limitMs = 20_000): Promise<TemplateCheck> {
  const templates = sources.map((source, index) => ({
    name: index === 0 ? "default" : `other-${index}`,
    origin: "test",
    source,
  }));
  const options = { host: "transformers", vision, clock: systemClock, limitMs } as const;
  return checkTemplates({ templates, specialTokens: {}, problems: [] }, options, signal);
}

describe("checkTemplates", () => {
  it("has no opinion without a template", async () => {
    expect(await check([])).toEqual({ renders: undefined, supports: {}, ended: "finished", templates: [] });
  });

  it("passes a template that renders everything it claims", async () => {
    const result = await check([GOOD]);
    expect(result).toMatchObject({ renders: true, ended: "finished" });
    expect(result.supports).toEqual({ system: true, tools: false, parallel_tools: false });
  });

  it("fails a model for one template that does not compile", async () => {
    const result = await check([GOOD, "{% if"]);
    expect(result.templates.map(({ renders }) => renders)).toEqual([true, false]);
    expect(result.renders).toBe(false);
  });

  it("fails a template that breaks on the tools it reads, and not one that reads none", async () => {
    const broken = `{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c | no_such_filter }}{% endfor %}{% endfor %}`;
    expect((await check([broken])).renders).toBe(true);
    expect((await check([`${broken}{{ tools | tojson }}`])).renders).toBe(false);
  });

  it("takes a refusal for the template's own rule, unless it refuses everything", async () => {
    const noSystem = `{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}${GOOD}`;
    expect(await check([noSystem])).toMatchObject({ renders: true, supports: { system: false } });
    expect((await check(["{{ raise_exception('never') }}"])).renders).toBe(false);
  });

  it("asks for pictures only of a model that declares vision", async () => {
    const textOnly =
      "{% for m in messages %}{{ m.content if m.content is string else m.content | no_such_filter }}{% endfor %}";
    expect((await check([textOnly])).renders).toBe(true);
    expect(await check([textOnly], true)).toMatchObject({ renders: false, supports: { image: false } });
    expect(await check([GOOD], true)).toMatchObject({ renders: true, supports: { image: true, video: true } });
  });

  it("does not judge a variant by fixtures that it is not for", async () => {
    const documents = `{% if not documents %}{{ nothing + 1 }}{% endif %}${GOOD}`;
    const variants = [
      { name: "default", origin: "test", source: GOOD },
      { name: "rag", origin: "test", source: documents },
      { name: "tool_use", origin: "test", source: `{% if not tools %}{{ nothing + 1 }}{% endif %}${GOOD}` },
    ];
    const options = { host: "transformers", vision: false, clock: systemClock, limitMs: 20_000 } as const;
    const result = await checkTemplates({ templates: variants, specialTokens: {}, problems: [] }, options, signal);
    expect(result.templates.map(({ renders }) => renders)).toEqual([true, undefined, true]);
    expect(result.renders).not.toBe(false);
    expect((await check([documents])).renders).toBe(false);
  });

  it("has no opinion on what is beyond our renderer", async () => {
    const integerKeys = `{% set budgets = {0: 0, 512: 128} %}${GOOD}`;
    expect((await check([integerKeys])).renders).toBeUndefined();
    expect((await check([GOOD, integerKeys])).renders).toBeUndefined();
    expect((await check(["{% if", integerKeys])).renders).toBe(false);
  });

  it("says whether tools need a string type", async () => {
    const tools = (schema: string): string =>
      `{% for t in tools or [] %}{{ t.function.name }}{% for k, p in t.function.parameters.properties | items %}${schema}{% endfor %}{% endfor %}${GOOD}`;
    expect((await check([GOOD])).needsStringTypes).toBeUndefined();
    expect((await check([tools("{{ p | tojson }}")])).needsStringTypes).toBe(false);
    expect((await check([tools("{{ p.type | upper }}")])).needsStringTypes).toBe(true);
    const nested = tools("{% for n, q in (p.properties or {}) | items %}{{ q.type | upper }}{% endfor %}");
    expect((await check([nested])).needsStringTypes).toBe(true);
    expect((await check([GOOD, nested])).needsStringTypes).toBe(true);
    expect((await check([tools("{{ p.no_such_key + 1 }}")])).needsStringTypes).toBeUndefined();
  });

  it("says whether user and assistant have to take turns", async () => {
    const of = (source: string): Promise<boolean | undefined> => check([source]).then((said) => said.turnsAnywhere);
    expect(await of(GOOD)).toBe(true);
    const refusing = (after: string) =>
      `{% for m in messages %}{% if m.role == 'user' and loop.previtem and loop.previtem.role == '${after}' %}` +
      "{{ raise_exception('turns') }}{% endif %}{{ m.content }}{% endfor %}";
    expect(await of(refusing("user"))).toBe(false);
    expect(await of(refusing("tool"))).toBe(false);
    expect(await of("{{ raise_exception('never') }}")).toBeUndefined();
  });

  it("says whether system messages count wherever they stand", async () => {
    const of = (source: string): Promise<boolean | undefined> => check([source]).then((said) => said.systemAnywhere);
    expect(await of(GOOD)).toBe(true);
    const head = "{% for m in messages if loop.first or m.role != 'system' %}{{ m.content }}{% endfor %}";
    expect(await of(head)).toBe(false);
    const last =
      "{% set n = namespace(s='') %}{% for m in messages %}{% if m.role == 'system' %}{% set n.s = m.content %}{% endif %}{% endfor %}{{ n.s }}";
    expect(await of(last)).toBe(false);
    const refuses =
      "{% if not loop.first and m.role == 'system' %}{{ raise_exception('first') }}{% endif %}{{ m.content }}";
    expect(await of(`{% for m in messages %}${refuses}{% endfor %}`)).toBe(false);
    expect(await of("{{ raise_exception('never') }}")).toBeUndefined();
    expect(
      await of("{% if messages | length > 2 %}{{ nothing + 1 }}{% endif %}{{ messages[0].content }}"),
    ).toBeUndefined();
  });

  it.each([
    [
      "an endless loop",
      "{% for i in range(10000) %}{% for j in range(10000) %}{% for k in range(10000) %}{% endfor %}{% endfor %}{% endfor %}",
    ],
    ["a range that fills the memory", "{% for i in range(10**9) %}{% endfor %}"],
    [
      "a list that doubles",
      "{% set n = namespace(l=['a']) %}{% for i in range(60) %}{% set n.l = n.l + n.l %}{% endfor %}",
    ],
  ])("ends %s in time and has no opinion on it", async (_, source) => {
    const startedAt = systemClock.now();
    const result = await check([source], false, TEMPLATE_CHECK_MS);
    expect(systemClock.now() - startedAt).toBeLessThan(TEMPLATE_CHECK_MS + 1_000);
    expect(result).toMatchObject({ renders: undefined, ended: "cut_short" });
  });

  it("still fails a model for what was proven before time ran out", async () => {
    const result = await check(["{% if", "{% for i in range(10**9) %}{% endfor %}"]);
    expect(result).toMatchObject({ renders: false, ended: "cut_short" });
    expect(result.templates.map(({ renders }) => renders)).toEqual([false, undefined]);
  });

  it("keeps the loop free while it renders, and ends when its asker gives up", async () => {
    const asker = new AbortController();
    const templates = [{ name: "default", origin: "test", source: "{% for i in range(10**9) %}{% endfor %}" }];
    const options = { host: "transformers", vision: false, clock: systemClock, limitMs: 60_000 } as const;
    const checking = checkTemplates({ templates, specialTokens: {}, problems: [] }, options, asker.signal);
    asker.abort();
    expect((await checking).ended).toBe("cut_short");
  });
});
