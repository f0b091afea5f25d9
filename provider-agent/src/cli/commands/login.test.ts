import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { CliHome } from "../../testing/cli-home.js";

/** The OAuth endpoints of a coordinator, with an owner who approves at the second look. */
async function enrolmentServer() {
  const seen: string[] = [];
  let polls = 0;
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => {
      body += String(part);
    });
    request.on("end", () => {
      seen.push(`${request.url} ${body}`);
      const form = new URLSearchParams(body);
      const reply = (status: number, json: object): void => {
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify(json));
      };
      const issued = { access_token: "machine-t0ken", token_type: "Bearer", machine_id: "m-1", account: "alice" };
      if (request.url === "/oauth/device_authorization") {
        const uri = `http://127.0.0.1:${port}/activate`;
        reply(200, { device_code: "d", user_code: "ABCD-EFGH", verification_uri: uri, expires_in: 60, interval: 1 });
      } else if (request.url === "/oauth/revoke") reply(200, {});
      else if (form.get("enrolment_token") === "he-good") reply(200, issued);
      else if (form.get("enrolment_token") !== null)
        reply(400, { error: "invalid_grant", error_description: "It was used." });
      else if (polls++ === 0) reply(400, { error: "authorization_pending" });
      else reply(200, issued);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  return { seen, url: `ws://127.0.0.1:${port}/ws/provider`, [Symbol.asyncDispose]: close };
}

describe("hearth-agent login", () => {
  it("shows a code, waits for its owner, and keeps the token, which serve then has; logout ends it", async () => {
    await using home = new CliHome();
    await using server = await enrolmentServer();
    home.config = `coordinators = ["${server.url}"]\n`;
    const { code, stdout, stderr } = await home.run(["login"]);
    expect(code).toBe(0);
    expect(stderr).toContain("compare the code: ABCD-EFGH");
    expect(stdout).toContain("This machine (m-1) belongs to alice");
    expect(stdout + stderr).not.toContain("machine-t0ken");
    const { checks } = (await home.json(["doctor"])) as {
      readonly checks: readonly { readonly id: string; readonly status: string; readonly detail: string }[];
    };
    // This server takes no machines: the token is there, and not tried.
    const token = checks.find(({ id }) => id === "token");
    expect(token).toMatchObject({ status: "ok", detail: expect.stringContaining("not tried") });
    expect(await home.json(["logout"])).toEqual({ logged_out: true });
    expect(server.seen.at(-1)).toBe("/oauth/revoke token=machine-t0ken");
    expect(readdirSync(home.dataDir).filter((name) => name.startsWith("token"))).toEqual([]);
    expect(await home.json(["logout"])).toEqual({ logged_out: false });
  });

  it("takes a one-use token with nobody at the machine", async () => {
    await using home = new CliHome();
    await using server = await enrolmentServer();
    const args = ["login", "--coordinator", server.url, "--token-file", "-", "--json"];
    const { code, stdout } = await home.run(args, {}, "he-good\n");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ coordinator: server.url, machine_id: "m-1", account: "alice" });
    const env = { HEARTH_ENROLMENT_TOKEN: "he-used" };
    const refused = await home.run(["login", "-c", server.url, "--enrolment-token"], env);
    expect(refused).toMatchObject({ code: 3, stderr: "It was used.\n" });
  });

  it.each([
    [["login", "-c", "ws://127.0.0.1:9/"], 12, "cannot be reached (ECONNREFUSED)"],
    [["login", "-c", "ws://hearth.example/"], 2, "is not encrypted"],
    [["login", "--enrolment-token"], 2, "HEARTH_ENROLMENT_TOKEN holds no enrolment token"],
    [["login", "--token-file", "/nowhere"], 2, "/nowhere cannot be read: it is not there (ENOENT)"],
    [["login", "--token-file", "/"], 2, "/ cannot be read: it is a directory (EISDIR)"],
  ])("%j says what is wrong", async (args, code, words) => {
    await using home = new CliHome();
    expect(await home.run(args)).toMatchObject({ code, stderr: expect.stringContaining(words) });
  });
});
