import { escapeHtml } from "../html.js";
import type { ApiContent, ApiDocument, ApiOperation, ApiParameter, JsonSchema } from "./document.js";

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
export function docsPage(document: ApiDocument): string {
  const { info, paths, components } = document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => operationBlock(method, path, operation)),
  );
  const schemas = Object.entries(components.schemas).map(([name, schema]) => schemaBlock(name, schema));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(info.title)} API</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(info.title)} API</h1>
<p>${escapeHtml(info.description)}</p>
<p>Send the key as <code>Authorization: Bearer …</code> or <code>x-api-key: …</code>. For tools:
<a href="/openapi.json">/openapi.json</a> (OpenAPI ${escapeHtml(document.openapi)}).</p>
<pre>${escapeHtml(EXAMPLE)}</pre>
<h2>Routes</h2>
${operations.join("\n")}
<h2>Schemas</h2>
${schemas.join("\n")}
</body>
</html>
`;
}

const EXAMPLE = `curl http://127.0.0.1:8080/v1/chat/completions \\
  -H "Authorization: Bearer $HEARTH_API_KEY" -H "Content-Type: application/json" \\
  -d '{"model": "…", "messages": [{"role": "user", "content": "Hello"}], "stream": true}'`;

function operationBlock(method: string, path: string, operation: ApiOperation): string {
  const { summary, description, parameters, requestBody, responses } = operation;
  const rows = [
    ...(parameters ?? []).map(parameterRow),
    ...(requestBody === undefined ? [] : [contentRow("Request", requestBody.content)]),
    ...Object.entries(responses).map(([status, { content }]) => contentRow(status, content)),
  ];
  return `<details id="${escapeHtml(operation.operationId)}">
<summary><span class="method">${escapeHtml(method)}</span> <code>${escapeHtml(path)}</code> ${escapeHtml(summary)}</summary>
${description === undefined ? "" : `<p>${escapeHtml(description)}</p>`}
<table>${rows.join("")}</table>
</details>`;
}

function parameterRow({ name, in: where, description, schema }: ApiParameter): string {
  const note = `<span class="note">${escapeHtml(where)}</span>`;
  const told = description === undefined ? "" : `<br><span class="note">${escapeHtml(description)}</span>`;
  return `<tr><th><code>${escapeHtml(name)}</code></th><td>${typeOf(schema)} ${note}${told}</td></tr>`;
}

function contentRow(label: string, content: ApiContent): string {
  const forms = Object.entries(content).map(
    ([type, { schema }]) => `${typeOf(schema)} <span class="note">${escapeHtml(type)}</span>`,
  );
  return `<tr><th>${escapeHtml(label)}</th><td>${forms.join("<br>")}</td></tr>`;
}

function schemaBlock(name: string, schema: JsonSchema): string {
  return `<details id="schema-${escapeHtml(name)}">
<summary><code>${escapeHtml(name)}</code> <span class="note">${escapeHtml(schema.description ?? "")}</span></summary>
${membersTable(schema)}
</details>`;
}

function membersTable({ properties = {}, required = [] }: JsonSchema): string {
  const rows = Object.entries(properties).map(([name, member]) => {
    const mark = required.includes(name) ? "" : ' <span class="note">optional</span>';
    const described =
      member.description === undefined ? "" : `<br><span class="note">${escapeHtml(member.description)}</span>`;
    return `<tr><td><code>${escapeHtml(name)}</code>${mark}</td><td>${typeOf(member)}${described}${inner(member)}</td></tr>`;
  });
  return `<table>${rows.join("")}</table>`;
}

/** The members of an object, or of a list's items, that has no name of its own. */
function inner(schema: JsonSchema): string {
  const object = [schema, schema.items, ...(schema.anyOf ?? [])].find((each) => each?.properties !== undefined);
  return object === undefined ? "" : `<details><summary>members</summary>${membersTable(object)}</details>`;
}

/** A schema's type in a few words, as HTML. */
function typeOf(schema: JsonSchema): string {
  if (schema.$ref !== undefined) {
    const name = escapeHtml(schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1));
    return `<a href="#schema-${name}"><code>${name}</code></a>`;
  }
  if (schema.const !== undefined) return `<code>${escapeHtml(JSON.stringify(schema.const))}</code>`;
  if (schema.enum !== undefined)
    return schema.enum.map((each) => `<code>${escapeHtml(JSON.stringify(each))}</code>`).join(" ");
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return [...new Set(alternatives.map(typeOf))].join(" or ");
  if (schema.type === "array" && schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  return escapeHtml([schema.type ?? "anything"].flat().join(" or "));
}
