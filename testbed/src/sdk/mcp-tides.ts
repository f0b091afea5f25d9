import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** An MCP server of one tool, as its protocol has it: JSON lines on stdin and stdout. */
const SERVER = `
import { createInterface } from "node:readline";
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
const tool = {
  name: "high_tide",
  description: "When the water is high",
  inputSchema: { type: "object", properties: { port: { type: "string" } }, required: ["port"] },
};
createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  if (method === "initialize") {
    const { protocolVersion } = params;
    const serverInfo = { name: "tides", version: "1.0.0" };
    return send({ id, result: { protocolVersion, capabilities: { tools: {} }, serverInfo } });
  }
  if (method === "tools/list") return send({ id, result: { tools: [tool] } });
  if (method === "tools/call") {
    const text = "high tide in " + params.arguments.port + " at 12:34";
    return send({ id, result: { content: [{ type: "text", text }] } });
  }
  send({ id, result: {} });
});
`;

/** How an MCP server is started, as most settings of clients have it. */
export interface McpCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** Puts an MCP server into a folder, that tells by its tool `high_tide` when the water in a port is high: at 12:34. */
export function putTides(dir: string): McpCommand {
  const path = join(dir, "tides.mjs");
  writeFileSync(path, SERVER);
  return { command: process.execPath, args: [path] };
}
