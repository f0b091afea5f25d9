import { once } from "node:events";
import { createServer } from "node:net";
import { expect, it } from "vitest";
import { freePort } from "./free-port.js";
import { Presence } from "./presence.js";

it("knows that nobody listens once somebody was refused, until somebody listens again", async () => {
  const port = await freePort();
  const presence = new Presence(port);
  expect(presence.isThere).toBe(true);
  presence.refused();
  expect(presence.isThere).toBe(false);
  const server = createServer((socket) => socket.resume().end()).listen(port, "127.0.0.1");
  await once(server, "listening");
  await expect.poll(() => presence.isThere).toBe(true);
  server.close();
});
