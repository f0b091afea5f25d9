import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exampleStatus } from "../testing/example-status.js";
import type { AgentControl } from "./agent-status.js";
import { type StatusServer, startStatusServer } from "./status-server.js";

let server: StatusServer;
let asked: string[];

beforeEach(async () => {
  asked = [];
  const control: AgentControl = {
    status: () => exampleStatus(),
    pause: (forMs) => void asked.push(`pause ${forMs}`),
    resume: () => void asked.push("resume"),
  };
  server = await startStatusServer(control, 0);
});
afterEach(() => server.close());

interface Answer {
  readonly status: number;
  readonly body: string;
}

function ask(
  method: string,
  path: string,
  { body = "", token = server.token, host }: { body?: string; token?: string; host?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${token}`, ...(host === undefined ? {} : { Host: host }) };
    const outgoing = request(`${server.url}${path}`, { method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

describe("the status server", () => {
  it("soon ends the connection of whoever does not finish a request, since it has few", {
    timeout: 20_000,
  }, async () => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.resume();
    socket.write("GET /status HTTP/1.1\r\n");
    await once(socket, "close");
  });

  it("tells whoever has the token how the agent stands", async () => {
    const { status, body } = await ask("GET", "/status");
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual(exampleStatus());
  });

  it.each(["", "wrong", "x".repeat(10_000)])("tells nothing to whoever has another token", async (token) => {
    const { status, body } = await ask("GET", "/status", { token });
    expect(status).toBe(401);
    expect(body).not.toContain("studio");
  });

  it("pauses, for a while or until further notice, and resumes", async () => {
    expect((await ask("POST", "/pause", { body: '{"for_ms":60000}' })).status).toBe(200);
    expect((await ask("POST", "/pause")).status).toBe(200);
    expect((await ask("POST", "/resume")).status).toBe(200);
    expect(asked).toEqual(["pause 60000", "pause undefined", "resume"]);
  });

  it.each(['{"for_ms":-1}', '{"for_ms":"1h"}', "nonsense", '{"other":1}', "x".repeat(100_000)])(
    "refuses a pause that makes no sense, and does nothing",
    async (body) => {
      expect((await ask("POST", "/pause", { body })).status).toBe(400);
      expect(asked).toEqual([]);
    },
  );

  it("refuses pages of other names, with the right token too", async () => {
    expect((await ask("GET", "/status", { host: "attacker.example" })).status).toBe(403);
    expect((await ask("GET", "/", { host: `attacker.example:${new URL(server.url).port}` })).status).toBe(403);
  });

  it("gives the page to anybody here, and there is nothing in it", async () => {
    const { status, body } = await ask("GET", "/", { token: "" });
    expect(status).toBe(200);
    expect(body).not.toContain(server.token);
    expect(body).not.toContain("studio");
  });

  it("says when it could not do what was asked", async () => {
    const failing: AgentControl = {
      status: exampleStatus,
      pause() {
        throw new Error("the disk is full");
      },
      resume() {},
    };
    await server.close();
    server = await startStatusServer(failing, 0);
    const { status, body } = await ask("POST", "/pause");
    expect(status).toBe(500);
    expect(body).not.toContain("disk");
  });

  it("says that a port is taken, and what to do", async () => {
    const taken = Number(new URL(server.url).port);
    const control: AgentControl = { status: exampleStatus, pause() {}, resume() {} };
    await expect(startStatusServer(control, taken)).rejects.toMatchObject({ code: "config_invalid" });
  });
});
