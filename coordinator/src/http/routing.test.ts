import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { pino } from "pino";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { answerErrors, type HttpEnv, postOnly } from "./routing.js";

const app = new Hono<HttpEnv>();
answerErrors(app, pino({ level: "silent" }));
app.use("/v1/*", (_c, next) => next());
app.get("/v1/things", (c) => c.text("all"));
app.post("/v1/things", (c) => c.text("made"));
postOnly(app, "/v1/messages", (c) => c.text("said"));
postOnly(app, "/v1/things/count", (c) => c.text("7"));
app.get("/v1/things/:id", (c) => c.text("one"));
const inner = new Hono<HttpEnv>();
inner.delete("/things/:id", (c) => c.text("gone"));
app.route("/admin", inner);

app.get("/v1/kept/:code", (c) => {
  throw Object.assign(new Error("a statement with values in it"), { code: c.req.param("code") });
});

const server = createAdaptorServer({ fetch: app.fetch });
let url = "";
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

it.each([
  ["PUT", "/v1/things", "GET, POST"],
  ["DELETE", "/v1/things", "GET, POST"],
  ["GET", "/v1/messages", "POST"],
  ["GET", "/v1/things/count", "POST"],
  ["POST", "/v1/things/7", "GET"],
  ["POST", "/admin/things/7", "DELETE"],
])("says to %s %s which methods there are: %s", async (method, path, allow) => {
  const response = await fetch(url + path, { method });
  expect({ status: response.status, allow: response.headers.get("allow") }).toEqual({ status: 405, allow });
});

it("answers a HEAD that is refused once, and prints nothing", async () => {
  const printed = vi.spyOn(console, "error").mockImplementation(() => {});
  try {
    const response = await fetch(`${url}/v1/kept/away`, { method: "HEAD" });
    expect([response.status, response.headers.get("retry-after"), await response.text()]).toEqual([503, "5", ""]);
    expect((await fetch(`${url}/v1/things`, { method: "HEAD" })).status).toBe(200);
    expect(printed).not.toHaveBeenCalled();
  } finally {
    printed.mockRestore();
  }
});

it.each(["/", "/v1", "/v1/thing", "/admin", "/admin/things"])("has no route for %s", async (path) => {
  const response = await fetch(url + path);
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ error: { code: "not_found", message: `No route for GET ${path}.` } });
});

it.each(["SQLITE_FULL", "SQLITE_BUSY_SNAPSHOT", "53100", "40001", "away"])(
  "takes %s of the store for something that passes, and quotes nothing of it",
  async (code) => {
    const response = await fetch(`${url}/v1/kept/${code}`);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
    const { error } = (await response.json()) as { readonly error: Record<string, unknown> };
    expect(error).toMatchObject({ code: "service_unavailable" });
    expect(JSON.stringify(error)).not.toContain("statement");
  },
);

it.each(["SQLITE_CORRUPT_INDEX", "SQLITE_NOTADB", "XX001"])(
  "promises nothing where %s says that the store is damaged",
  async (code) => {
    const response = await fetch(`${url}/v1/kept/${code}`);
    expect([response.status, response.headers.get("retry-after")]).toEqual([500, null]);
    expect(await response.text()).not.toContain("statement");
  },
);

it("takes anything else that is thrown for a fault of its own", async () => {
  expect((await fetch(`${url}/v1/kept/EOTHER`)).status).toBe(500);
});

it("refuses in the form of the API that was asked", async () => {
  const response = await fetch(`${url}/v1/messages`);
  expect(await response.json()).toMatchObject({ type: "error", error: { message: "Use POST." } });
});
