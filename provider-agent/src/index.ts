export { type AgentDeps, runAgent } from "./agent.js";
export { type AgentConfig, readAgentConfig, type ServeFlags } from "./config.js";
export { AgentError, type AgentErrorCode, EXIT_CODES } from "./platform/agent-error.js";
export { createLogger, type Logger } from "./platform/logger.js";
