import { html, raw } from "hono/html";
import type { ApiContent, ApiDocument, ApiOperation, ApiParameter, JsonSchema } from "./api-document.js";

/** Markup in which every text that was put in is escaped. */
type Html = ReturnType<typeof html>;

/** The page's own style; there is no script, and nothing is fetched from anywhere. */
const STYLE = `
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:0 auto;padding:1.5rem}
code,pre{font:.875em/1.5 ui-monospace,monospace}
pre{overflow-x:auto;padding:1rem;border:1px solid #8884;border-radius:.5rem}
details{border:1px solid #8884;border-radius:.5rem;margin:.5rem 0;padding:.5rem 1rem}
summary{cursor:pointer}
.method{display:inline-block;min-width:3.5rem;font-weight:600;text-transform:uppercase}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #8883}
.note{opacity:.75}
`;

/** The API's description as one page of HTML that needs nothing else. */
export function docsPage(document: ApiDocument): Html {
  const { info, tags, components } = document;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info.title} API</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<h1>${info.title} API</h1>
<p>${info.description}</p>
<p>Send the key as <code>Authorization: Bearer …</code> or <code>x-api-key: …</code>. For tools:
<a href="/openapi.json">/openapi.json</a> (OpenAPI ${document.openapi}).</p>
<pre>${EXAMPLE}</pre>
${tags.map(({ name, description }) => html`<h2>${name}</h2><p>${description}</p>${operationsOf(document, name)}`)}
<h2>Schemas</h2>
${Object.entries(components.schemas).map(([name, schema]) => schemaBlock(name, schema))}
</body>
</html>
`;
}

const EXAMPLE = `curl http://127.0.0.1:8080/v1/chat/completions \\
  -H "Authorization: Bearer $HEARTH_API_KEY" -H "Content-Type: application/json" \\
  -d '{"model": "…", "messages": [{"role": "user", "content": "Hello"}], "stream": true}'`;

function operationsOf({ paths }: ApiDocument, tag: string): Html[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { tags }]) => tags.includes(tag))
      .map(([method, operation]) => operationBlock(method, path, operation)),
  );
}

function operationBlock(method: string, path: string, operation: ApiOperation): Html {
  const { summary, description, parameters, requestBody, responses } = operation;
  const rows = [
    ...(parameters ?? []).map(parameterRow),
    ...(requestBody === undefined ? [] : [contentRow("Request", requestBody.content)]),
    ...Object.entries(responses).map(([status, { content }]) => contentRow(status, content)),
  ];
  return html`<details id="${operation.operationId}">
<summary><span class="method">${method}</span> <code>${path}</code> ${summary}</summary>
${description && html`<p>${description}</p>`}
<table>${rows}</table>
</details>
`;
}

function parameterRow({ name, in: where, description, schema }: ApiParameter): Html {
  const told = description && html`<br><span class="note">${description}</span>`;
  return html`<tr><th><code>${name}</code></th><td>${typeOf(schema)} <span class="note">${where}</span>${told}</td></tr>`;
}

function contentRow(label: string, content: ApiContent): Html {
  const forms = Object.entries(content).map(
    ([type, { schema }], n) => html`${n > 0 && html`<br>`}${typeOf(schema)} <span class="note">${type}</span>`,
  );
  return html`<tr><th>${label}</th><td>${forms}</td></tr>`;
}

function schemaBlock(name: string, schema: JsonSchema): Html {
  return html`<details id="schema-${name}">
<summary><code>${name}</code> <span class="note">${schema.description}</span></summary>
${membersTable(schema)}
</details>
`;
}

function membersTable({ properties = {}, required = [] }: JsonSchema): Html {
  const rows = Object.entries(properties).map(([name, member]) => {
    const mark = !required.includes(name) && html` <span class="note">optional</span>`;
    const told = member.description && html`<br><span class="note">${member.description}</span>`;
    return html`<tr><td><code>${name}</code>${mark}</td><td>${typeOf(member)}${told}${inner(member)}</td></tr>`;
  });
  return html`<table>${rows}</table>`;
}

/** The members of an object, or of a list's items, that has no name of its own. */
function inner(schema: JsonSchema): Html | undefined {
  const object = [schema, schema.items, ...(schema.anyOf ?? [])].find((each) => each?.properties !== undefined);
  return object && html`<details><summary>members</summary>${membersTable(object)}</details>`;
}

/** A schema's type in a few words. */
function typeOf(schema: JsonSchema): Html | string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
    return html`<a href="#schema-${name}"><code>${name}</code></a>`;
  }
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`;
  if (schema.enum !== undefined) return html`${schema.enum.map((each) => html`<code>${JSON.stringify(each)}</code> `)}`;
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) {
    const types = new Map(alternatives.map((each) => [String(typeOf(each)), typeOf(each)]));
    return html`${[...types.values()].map((each, n) => html`${n > 0 && " or "}${each}`)}`;
  }
  if (schema.type === "array" && schema.items !== undefined) return html`list of ${typeOf(schema.items)}`;
  return [schema.type ?? "anything"].flat().join(" or ");
}
