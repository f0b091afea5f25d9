import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { systemClock } from "../platform/clock.js";
import { LlamaServer } from "../testing/llama-server.js";
import { confirmWithLlamaServer } from "./confirm-with-llama-server.js";
import { checkTemplates, type TemplateCheck } from "./template-check.js";

const { signal } = new AbortController();
const PROGRAM = process.env["LLAMA_SERVER"];

function check(source: string, vision = false): Promise<TemplateCheck> {
  const templates = [{ name: "default", origin: "test", source }];
  const options = { host: "llama_cpp", vision, clock: systemClock, limitMs: 20_000 } as const;
  return checkTemplates({ templates, specialTokens: {}, problems: [] }, options, signal);
}

/** Python and llama.cpp render it, our renderer knows no keys but texts. */
const BEYOND_US = "{% set d = {1: 'x'} %}{{ tools }}{% for m in messages %}{{ m.content }}{% endfor %}";

/** What is answered when a server gives these statuses, one after another. */
async function confirmAgainst(statuses: readonly number[], found: TemplateCheck): Promise<boolean | undefined> {
  let asked = 0;
  const server = createServer((_, response) => {
    response.writeHead(statuses[asked] ?? 200).end("{}");
    asked += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const answer = await confirmWithLlamaServer({ origin, clock: systemClock }, found, signal);
  server.closeAllConnections();
  server.close();
  return answer;
}

describe("confirmWithLlamaServer", () => {
  it.skipIf(!PROGRAM)("learns from a real server that it renders what our renderer did not", async () => {
    await using server = await LlamaServer.start(PROGRAM ?? "");
    const found = await check(BEYOND_US);
    expect(found.renders).toBe(false);
    const address = { origin: server.url.replace(/\/v1$/, ""), clock: systemClock };
    expect(await confirmWithLlamaServer(address, found, signal)).toBe(true);
    expect(await confirmWithLlamaServer(address, await check("{% if"), signal)).toBe(true);
  });

  it("takes one failure of the server's for an answer, and no answer for none", async () => {
    const found = await check(BEYOND_US);
    expect(await confirmAgainst([], found)).toBe(true);
    expect(await confirmAgainst([200, 500], found)).toBe(false);
    expect(await confirmAgainst([404], found)).toBeUndefined();
    expect(await confirmAgainst([200, 503], found)).toBeUndefined();
  });

  it("asks nothing when nothing failed, and cannot ask about pictures", async () => {
    expect(await confirmAgainst([], await check("{{ messages[0].content }}"))).toBeUndefined();
    const noPictures =
      "{% for m in messages %}{{ m.content | trim }}{% if m.content is not string or '<__' in m.content %}{{ 'x' | no_such }}{% endif %}{% endfor %}";
    const found = await check(noPictures, true);
    expect(found.renders).toBe(false);
    expect(await confirmAgainst([], found)).toBeUndefined();
  });

  it("has no answer from a server that is not there", async () => {
    const found = await check(BEYOND_US);
    const address = { origin: "http://127.0.0.1:9", clock: systemClock };
    expect(await confirmWithLlamaServer(address, found, signal)).toBeUndefined();
  });
});
