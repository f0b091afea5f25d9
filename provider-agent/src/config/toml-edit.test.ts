import fc from "fast-check";
import { parse, stringify } from "smol-toml";
import { describe, expect, it } from "vitest";
import { setInToml } from "./toml-edit.js";
import { lineOf, locate } from "./toml-places.js";

const FILE = `# mine
name = "studio" # the one upstairs
coordinators = [
  "wss://a/ws/provider", # first ] choice
  'wss://b/#x',
]

[[backends]]
kind = "ollama"

[[backends]]
kind = "openai" # rented
url = """https://x/v1"""

[limits]
# careful
max_concurrency = 2
per_model = { "a.b" = 1 }

[backends.headers]
set = { x = "[" }
`;

describe("places in TOML", () => {
  it.each([
    [["name"], 2],
    [["coordinators"], 3],
    [["coordinators", 1], 3],
    [["backends", 0, "kind"], 9],
    [["backends", 1, "url"], 13],
    [["limits"], 15],
    [["limits", "max_concurrency"], 17],
    [["backends", 1, "headers", "set"], 21],
    [["nowhere"], undefined],
  ])("%j is on line %s", (path, line) => {
    expect(lineOf(locate(FILE), path)).toBe(line);
  });
});

describe("setting a value in TOML", () => {
  it("changes nothing else", () => {
    const { text, keptComments } = setInToml(FILE, ["name"], "loft");
    expect(keptComments).toBe(true);
    expect(text).toBe(FILE.replace('"studio"', '"loft"'));
  });

  it("replaces a value of many lines", () => {
    const { text } = setInToml(FILE, ["coordinators"], ["wss://c/"]);
    expect(text).toContain('coordinators = [ "wss://c/" ]\n\n[[backends]]');
    expect(text).toContain("# the one upstairs");
  });

  it("adds a key below its table's last, and a table below everything", () => {
    expect(setInToml(FILE, ["limits", "max_wait_seconds"], 5).text).toContain(
      'per_model = { "a.b" = 1 }\nmax_wait_seconds = 5\n',
    );
    expect(setInToml(FILE, ["backends", 0, "url"], "http://o/v1").text).toContain(
      'kind = "ollama"\nurl = "http://o/v1"\n',
    );
    expect(setInToml(FILE, ["status_page", "port"], 9).text).toMatch(/\n\n\[status_page\]\nport = 9\n$/);
    expect(setInToml(FILE, ["log_level"], "warn").text).toContain(']\nlog_level = "warn"\n\n[[backends]]');
    expect(setInToml("[limits]\n", ["name"], "x").text).toBe('name = "x"\n\n[limits]\n');
    expect(setInToml("", ["name"], "x").text).toBe('name = "x"\n');
  });

  it("removes a line", () => {
    expect(setInToml(FILE, ["limits", "max_concurrency"], undefined)).toEqual({
      text: FILE.replace("max_concurrency = 2\n", ""),
      keptComments: true,
    });
  });

  it("says when comments could not be kept", () => {
    const { text, keptComments } = setInToml(FILE, ["limits", "per_model", "a.b"], 3);
    expect(keptComments).toBe(false);
    expect(parse(text)).toMatchObject({ limits: { per_model: { "a.b": 3 } } });
  });

  it("gives the document that was asked for, whatever was there", () => {
    const word = fc.string({ maxLength: 12 }).filter((text) => text !== "__proto__");
    const scalar = fc.oneof(word, fc.integer(), fc.boolean());
    const document = fc.dictionary(
      word,
      fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.dictionary(word, word)),
    );
    fc.assert(
      fc.property(document, word, fc.oneof(scalar, fc.array(word)), (before, key, value) => {
        const { text } = setInToml(stringify(before), [key], value);
        expect(parse(text)).toEqual(parse(stringify({ ...before, [key]: value })));
      }),
    );
  });
});
