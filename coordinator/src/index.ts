export { type AppOptions, type Coordinator, startCoordinator } from "./app.js";
export { type Config, readConfig, shownEnvironment } from "./config.js";
export { DEFAULT_POLICY, type PolicySettings } from "./dispatch/policy.js";
export { NO_SETTINGS, type Settings } from "./operator/settings.js";
export { SettingsSource } from "./operator/settings-source.js";
export { createLogger, type Logger } from "./platform/logger.js";
