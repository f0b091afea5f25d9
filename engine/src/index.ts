export type { Engine, EngineExit, EngineOptions } from "./engine.js";
export { EngineError, type EngineErrorCode } from "./engine-error.js";
export { startEngine } from "./start-engine.js";
