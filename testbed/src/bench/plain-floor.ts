import { Agent, createServer, request as openRequest, type Server } from "node:http";

/** A bare proxy: what any relay in node:http costs before it does anything. */
export function createPlainFloor(upstreamPort: number): Server {
  const agent = new Agent({ keepAlive: true });
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    const upstream = openRequest({ agent, host: "127.0.0.1", port: upstreamPort, method, path: url, headers });
    upstream.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on("data", (part: Buffer) => response.write(part));
      answer.on("end", () => response.end());
      answer.on("error", () => response.destroy());
    });
    upstream.on("error", () => response.destroy());
    request.on("data", (part: Buffer) => upstream.write(part));
    request.on("end", () => upstream.end());
  });
  server.keepAliveTimeout = 0;
  return server;
}
