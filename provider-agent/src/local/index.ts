export type { AgentStatus } from "./agent-status.js";
export { readRunFile } from "./run-file.js";
export { type StatusServer, startStatusServer } from "./status-server.js";
