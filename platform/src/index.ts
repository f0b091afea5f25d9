export { AwakeClock, type AwakeClockSettings, DEFAULT_AWAKE_SETTINGS } from "./awake-clock.js";
export { systemTime, type TimeSource } from "./time-source.js";
