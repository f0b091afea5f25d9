export { type AppOptions, type Coordinator, startCoordinator } from "./app.js";
export { type Config, ConfigError, readConfig } from "./config.js";
export { DEFAULT_POLICY, type PolicySettings } from "./dispatch/policy.js";
export { NO_SETTINGS, readSettings, type Settings, type SettingsFile } from "./operator/settings.js";
export { createLogger, type Logger } from "./platform/logger.js";
export { loadSecrets, type Secrets } from "./secrets.js";
