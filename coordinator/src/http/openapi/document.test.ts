import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, it } from "vitest";
import { ENDPOINTS } from "../../api/endpoints.js";
import { listedRoutes } from "../../testing/listed-routes.js";
import { docsPage } from "./docs-page.js";
import { apiDocument } from "./document.js";

/** Pages for people, and how machines enrol: RFC 8414 tells programs of that. */
const NOT_TOLD = /^[A-Z]+ \/($|docs$|openapi\.json$|device|oauth\/|\.well-known\/|dashboard$|dashboard\/\*$)/;

const app = listedRoutes();
const document = await apiDocument(app);

it("is valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  const result = await validator.validate(JSON.parse(JSON.stringify(document)));
  expect(result.errors).toBeUndefined();
  expect(result.valid).toBe(true);
  expect(validator.version).toBe("3.1");
});

it("tells of every route of the API, of the operator's and of the health checks, and of no other", () => {
  const told = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const routes = app.routes
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)(\{[^}]*\})?/g, "{$1}")}`)
    .filter((route) => !NOT_TOLD.test(route));
  expect(told.sort()).toEqual([...new Set(routes)].sort());
  expect(told.length).toBeGreaterThan(25);
});

it("gives each route an id of its own", () => {
  const ids = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map((each) => each.operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
});

it("leads every reference to a schema that is there", () => {
  const text = JSON.stringify(document);
  const { schemas } = document.components;
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g))
    expect(schemas).toHaveProperty(name ?? "");
});

it("tells of every route that takes inference requests, with the schema that they are checked against", () => {
  const { paths, components } = document;
  for (const { path } of ENDPOINTS) {
    const ref = paths[path]?.["post"]?.requestBody?.content["application/json"]?.schema.$ref ?? "";
    const schema = components.schemas[ref.slice(ref.lastIndexOf("/") + 1)];
    expect(schema?.required).toContain("model");
  }
});

it("tells where a body may be sealed: on those routes, and what comes back then", () => {
  const { paths } = document;
  const sealable = Object.entries(paths).filter(([, methods]) =>
    Object.keys(methods["post"]?.requestBody?.content ?? {}).includes("application/hearth-sealed+json"),
  );
  expect(sealable.map(([path]) => path).sort()).toEqual(ENDPOINTS.map(({ path }) => path).sort());
  for (const [, methods] of sealable) {
    const { responses = {} } = methods["post"] ?? {};
    for (const { content } of Object.values(responses))
      expect(content).toHaveProperty("application/hearth-sealed+json");
  }
});

it("tells on those routes, and on no other, which headers direct a request", () => {
  const page = String(docsPage(document));
  const paths = ENDPOINTS.map(({ path }) => path);
  for (const [path, methods] of Object.entries(document.paths)) {
    const names = Object.values(methods).flatMap(({ parameters }) => (parameters ?? []).map(({ name }) => name));
    if (!paths.includes(path))
      expect(names.filter((name) => name.startsWith("X-") || name === "Idempotency-Key")).toEqual([]);
    else expect(names).toEqual(expect.arrayContaining(["X-Hearth-Timeout", "X-Hearth-Session", "X-Hearth-Route"]));
    for (const name of names) expect(page).toContain(`<code>${name}</code>`);
  }
});

it("tells that the encryption key is for everybody", () => {
  expect(document.paths["/v1/encryption-key"]?.["get"]?.security).toEqual([]);
});

it("becomes a page that needs nothing from elsewhere", () => {
  const page = String(docsPage(document));
  expect(page).not.toMatch(/<script|src=|@import|url\(|https?:\/\/(?!127\.0\.0\.1)/);
  for (const path of Object.keys(document.paths)) expect(page).toContain(`<code>${path}</code>`);
  for (const [, id] of page.matchAll(/href="#([^"]+)"/g)) expect(page).toContain(`id="${id}"`);
});

it("shows text on the page as text", () => {
  const page = String(docsPage({ ...document, info: { ...document.info, title: "<b>&\"'" } }));
  expect(page).toContain("&lt;b&gt;&amp;&quot;&#39;");
  expect(page).not.toContain("<b>");
});
