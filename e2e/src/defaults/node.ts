export { nodePrimitives as defaultPrimitives } from "../node-primitives.js";
