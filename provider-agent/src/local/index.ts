export type {
  Activity,
  AgentControl,
  AgentStatus,
  ConnectionStatus,
  LogStatus,
  ModelStatus,
  Totals,
  TrustStatus,
} from "./agent-status.js";
export { type RunFile, readRunFile, writeRunFile } from "./run-file.js";
export { type StatusServer, startStatusServer } from "./status-server.js";
