import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, it } from "vitest";
import type { EngineService } from "../api/engine-service.js";
import { startServer } from "./server.js";

const KEY = "an-api-key";
/** Nobody here gets as far as to the model. */
const NO_SERVICE = {} as EngineService;

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

function dial(port: number, text: string): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  socket.write(text);
  sockets.push(socket);
  return socket;
}

const unfinished = (key: string): string =>
  `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n`;

it("stops although somebody has not finished a request, and somebody else has not begun one", async () => {
  const server = await startServer(NO_SERVICE, KEY);
  const [uploading, silent] = [dial(server.port, unfinished(KEY)), dial(server.port, "")];
  // It is told to go on, so its request is being read.
  await Promise.all([once(uploading, "data"), once(silent, "connect")]);
  const gone = Promise.all([once(uploading, "close"), once(silent, "close")]);
  await server.close();
  await gone;
});

it("ends the connection of whoever is refused before the end of a request", async () => {
  const server = await startServer(NO_SERVICE, KEY);
  await once(dial(server.port, unfinished("another")), "close");
  await server.close();
});
