import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { postSafely } from "./post-safely.js";
import { isPublicAddress } from "./public-address.js";

const asked: string[] = [];
let server: Server;
let port: number;
beforeEach(async () => {
  asked.length = 0;
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    if (request.url === "/moved") response.writeHead(307, { Location: `http://127.0.0.1:${port}/elsewhere` }).end();
    else if (request.url === "/endless") response.writeHead(200).write("x");
    else if (request.url !== "/silent") response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const post = (url: string, isPrivateAllowed: boolean, signal = new AbortController().signal) =>
  postSafely({ url, headers: {}, body: "{}", isPrivateAllowed }, signal);

describe("a webhook of a stranger's", () => {
  it.each([
    ...[
      "http://example.com",
      "https://127.0.0.1",
      "https://2130706433",
      "https://0x7f.1",
      "https://0",
      "https://[::1]",
    ],
    ...["https://10.1.2.3", "https://192.168.0.1", "https://172.16.0.1", "https://100.64.0.1", "https://[fd00::1]"],
    ...["https://169.254.169.254/latest/meta-data", "https://[fe80::1]", "https://[::ffff:127.0.0.1]"],
    ...["https://[64:ff9b::7f00:1]", "https://[2002:7f00:1::]", "https://224.0.0.1", "https://255.255.255.255"],
  ])("may not be %s", async (url) => {
    expect(await post(url, false)).toBe("address_not_allowed");
  });

  it("may not be a name for this machine", async () => {
    expect(await post(`https://localhost:${port}/`, false)).toBe("address_not_allowed");
    expect(asked).toEqual([]);
  });

  it("is told apart by what went wrong, where it may be anywhere", async () => {
    expect(await post(`http://localhost:${port}/`, true)).toBeUndefined();
    expect(await post("http://nobody.invalid/", true)).toBe("no_such_host");
    expect(await post("http://127.0.0.1:1/", true)).toBe("no_connection");
    expect(asked).toEqual(["/"]);
  });

  it("leads to no other place", async () => {
    expect(await post(`http://127.0.0.1:${port}/moved`, true)).toBe("status_307");
    expect(asked).toEqual(["/moved"]);
  });

  it("holds nobody up: neither by silence nor by an answer without an end", async () => {
    const late = new AbortController();
    const silent = post(`http://127.0.0.1:${port}/silent`, true, late.signal);
    await expect.poll(() => asked).toEqual(["/silent"]);
    late.abort();
    expect(await silent).toBe("no_answer");
    expect(await post(`http://127.0.0.1:${port}/endless`, true)).toBeUndefined();
  });
});

it("knows addresses of the public internet", () => {
  const all = ["1.1.1.1", "172.32.0.1", "2606:4700::1", "100.128.0.1", "", "example.com"];
  expect(all.map(isPublicAddress)).toEqual([true, true, true, true, false, false]);
});
