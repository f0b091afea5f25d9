import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, it } from "vitest";
import { INFERENCE_ENDPOINTS } from "../inference-endpoints.js";
import { docsPage } from "./docs-page.js";
import { apiDocument } from "./document.js";

it("is valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  const result = await validator.validate(JSON.parse(JSON.stringify(apiDocument())));
  expect(result.errors).toBeUndefined();
  expect(result.valid).toBe(true);
  expect(validator.version).toBe("3.1");
});

it("leads every reference to a schema that is there", () => {
  const text = JSON.stringify(apiDocument());
  const { schemas } = apiDocument().components;
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g))
    expect(schemas).toHaveProperty(name ?? "");
});

it("tells of every route that takes inference requests, with the schema that they are checked against", () => {
  const { paths, components } = apiDocument();
  for (const { path } of INFERENCE_ENDPOINTS) {
    const ref = paths[path]?.["post"]?.requestBody?.content["application/json"]?.schema.$ref ?? "";
    const schema = components.schemas[ref.slice(ref.lastIndexOf("/") + 1)];
    expect(schema?.required).toContain("model");
  }
});

it("tells where a body may be sealed: on those routes, and what comes back then", () => {
  const { paths } = apiDocument();
  const sealable = Object.entries(paths).filter(([, methods]) =>
    Object.keys(methods["post"]?.requestBody?.content ?? {}).includes("application/hearth-sealed+json"),
  );
  expect(sealable.map(([path]) => path).sort()).toEqual(INFERENCE_ENDPOINTS.map(({ path }) => path).sort());
  for (const [, methods] of sealable) {
    const { responses = {} } = methods["post"] ?? {};
    for (const { content } of Object.values(responses))
      expect(content).toHaveProperty("application/hearth-sealed+json");
  }
});

it("tells on those routes, and on no other, which headers direct a request", () => {
  const page = docsPage(apiDocument());
  const paths = INFERENCE_ENDPOINTS.map(({ path }) => path);
  for (const [path, methods] of Object.entries(apiDocument().paths)) {
    const names = Object.values(methods).flatMap(({ parameters }) => (parameters ?? []).map(({ name }) => name));
    if (!paths.includes(path)) expect(names.filter((name) => name !== "id")).toEqual([]);
    else expect(names).toEqual(expect.arrayContaining(["X-Hearth-Timeout", "X-Hearth-Session", "X-Hearth-Route"]));
    for (const name of names) expect(page).toContain(`<code>${name}</code>`);
  }
});

it("tells that the encryption key is for everybody", () => {
  expect(apiDocument().paths["/v1/encryption-key"]?.["get"]?.security).toEqual([]);
});

it("becomes a page that needs nothing from elsewhere", () => {
  const page = docsPage(apiDocument());
  expect(page).not.toMatch(/<script|src=|@import|url\(|https?:\/\/(?!127\.0\.0\.1)/);
  for (const path of Object.keys(apiDocument().paths)) expect(page).toContain(`<code>${path}</code>`);
  for (const [, id] of page.matchAll(/href="#([^"]+)"/g)) expect(page).toContain(`id="${id}"`);
});

it("shows text on the page as text", () => {
  const document = apiDocument();
  const page = docsPage({ ...document, info: { ...document.info, title: "<b>&\"'" } });
  expect(page).toContain("&lt;b&gt;&amp;&quot;&#39;");
  expect(page).not.toContain("<b>");
});
