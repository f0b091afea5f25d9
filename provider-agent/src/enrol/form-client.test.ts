import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "@hearth/platform";
import { FakeClock } from "@hearth/platform/testing";
import { afterEach, expect, it } from "vitest";
import { systemClock } from "../platform/clock.js";
import { type FormAnswer, HttpFormClient } from "./form-client.js";

let server: Server;

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

async function serve(listener: RequestListener): Promise<URL> {
  server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/oauth/token`);
}

const post = (url: URL, signal = new AbortController().signal, clock: Clock = systemClock): Promise<FormAnswer> =>
  new HttpFormClient(clock).post(url, { name: "Anna's Mac & Co", note: "ü=1" }, signal);

it("sends a form and reads the JSON that comes back, whatever the status", async () => {
  const seen: unknown[] = [];
  const url = await serve(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    seen.push(request.method, request.headers["content-type"], request.headers.connection, body);
    response.writeHead(400).end('{"error":"slow_down"}');
  });
  expect(await post(url)).toEqual({ status: 400, json: { error: "slow_down" } });
  expect(seen).toEqual([
    "POST",
    "application/x-www-form-urlencoded",
    "close",
    "name=Anna%27s+Mac+%26+Co&note=%C3%BC%3D1",
  ]);
});

it("takes what is no JSON, or far too much, for no answer", async () => {
  const url = await serve((request, response) => {
    request.resume();
    response.end(request.url === "/big" ? `"${"x".repeat(1_000_000)}"` : "<html>");
  });
  expect(await post(url)).toEqual({ status: 200, json: undefined });
  expect(await post(new URL("/big", url))).toEqual({ status: 200, json: undefined });
});

it("follows no redirect", async () => {
  let requests = 0;
  const url = await serve((request, response) => {
    request.resume();
    requests += 1;
    response.writeHead(307, { Location: "/elsewhere" }).end();
  });
  expect((await post(url)).status).toBe(307);
  expect(requests).toBe(1);
});

it.each<[string, RequestListener]>([
  ["answers", () => {}],
  ["ends", (_request, response) => void response.write('{"a":')],
])("gives up on a coordinator that never %s", async (_what, listener) => {
  const clock = new FakeClock();
  let arrived = (): void => {};
  const asked = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const url = await serve((request, response) => {
    listener(request, response);
    arrived();
  });
  const failed = expect(post(url, new AbortController().signal, clock)).rejects.toThrow();
  await asked;
  clock.advance(30_000);
  await failed;
  expect(clock.pending).toBe(0);
});

it("lets go when it is cancelled", async () => {
  const stop = new AbortController();
  const url = await serve(() => stop.abort());
  await expect(post(url, stop.signal)).rejects.toThrow();
  await expect(post(url, stop.signal)).rejects.toThrow();
});
