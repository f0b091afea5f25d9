import { parseSync, Visitor } from "oxc-parser";

/**
 * @typedef {object} Import
 * @property {string | undefined} specifier as written; `undefined` where it is computed
 * @property {boolean} inline an `import("…")` in the place of a type
 * @property {number} line from 1
 */

/**
 * Everything that a module names another module by: imports and re-exports, of types too, `import()` as an expression
 * and as a type, `import x = require()`. A path that is put together at run time by other means (`require` from
 * `createRequire`, `new URL`, `vi.mock`) is not seen.
 *
 * @param {string} file its extension says which language it is
 * @param {string} text
 * @returns {Import[] | string} why it cannot be read, when it cannot: nothing passes unread
 */
export function readImports(file, text) {
  const parsed = parseSync(file, text);
  const [error] = parsed.errors;
  if (error !== undefined) return error.message;
  const { staticImports, staticExports, dynamicImports, importMetas } = parsed.module;
  const found = [
    ...staticImports.map((each) => at(each, each.moduleRequest.value)),
    ...staticExports.flatMap((each) => requestsOf(each).map((request) => at(each, request))),
  ];
  // The tree is costly to fetch: it is walked only where the keyword stands more often than those above explain.
  const keywords = text.match(/\bimport\b/g)?.length ?? 0;
  const walk = dynamicImports.length > 0 || keywords > staticImports.length + importMetas.length;
  if (walk) found.push(...readTree(parsed.program));
  return found.map(({ start, ...each }) => ({ ...each, line: text.slice(0, start).split("\n").length }));
}

const at = ({ start }, specifier, inline = false) => ({ start, specifier, inline });

/** One `export … from` has an entry for each name. */
function requestsOf({ entries }) {
  const requests = entries.map((entry) => entry.moduleRequest?.value).filter((value) => value !== undefined);
  return [...new Set(requests)];
}

function readTree(program) {
  const found = [];
  new Visitor({
    ImportExpression: (node) => found.push(at(node, literalOf(node.source))),
    TSImportType: (node) => found.push(at(node, literalOf(node.source), true)),
    TSExternalModuleReference: (node) => found.push(at(node, literalOf(node.expression))),
  }).visit(program);
  return found;
}

/** @returns {string | undefined} what a string or a template without holes says */
function literalOf(node) {
  if (node.type === "Literal" && typeof node.value === "string") return node.value;
  if (node.type === "TemplateLiteral" && node.expressions.length === 0) return node.quasis[0].value.cooked;
  return undefined;
}
