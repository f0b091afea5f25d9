import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { UNKNOWN_WORDS, WATTS_WORDS } from "./render-energy.js";
import { REASON_WORDS } from "./render-reputation.js";

const page = readFileSync(new URL("../../pages/status.html", import.meta.url), "utf8");

/** An object of texts that the page's script begins with `const NAME = {`. */
function wordsOf(name: string): Record<string, string> {
  const [, body = ""] = page.match(new RegExp(`const ${name} = \\{([^}]*)\\};`)) ?? [];
  return Object.fromEntries(
    [...body.matchAll(/"?([\w+]+)"?: "([^"]*)",/g)].map(([, key = "", text = ""]) => [key, text]),
  );
}

it.each([
  ["HELD", REASON_WORDS],
  ["WATTS_OF", WATTS_WORDS],
  ["UNKNOWN", UNKNOWN_WORDS],
])("the page says in its %s what the command says, each of it", (name, words) => {
  expect(wordsOf(name)).toEqual(words);
});
