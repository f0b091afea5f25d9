export { noblePrimitives as defaultPrimitives } from "../noble-primitives.js";
