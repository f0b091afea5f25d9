export { type AppOptions, type Coordinator, startCoordinator } from "./app.js";
export { type Config, readConfig } from "./config.js";
export { DEFAULT_POLICY, type PolicySettings } from "./dispatch/policy.js";
export { NO_SETTINGS, type Settings } from "./operator/settings.js";
export { createLogger, type Logger } from "./platform/logger.js";
