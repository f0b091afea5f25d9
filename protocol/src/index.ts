export * from "./close-codes.js";
export * from "./codec.js";
export * from "./data-frame.js";
export * from "./frames.js";
export * from "./gates.js";
export * from "./ids.js";
export * from "./limits.js";
export * from "./versions.js";
