// The parts that also run on virtual time, for the simulator in testbed/. Not an interface for anybody else: what is
// here changes with the code.

export { readChatEvent } from "@hearth/dialects";
export { createChatCompletionsDialect } from "./api/chat-completions/dialect.js";
export { repairToolSchemas } from "./api/json/tool-schema.js";
export { HedgeBudget } from "./dispatch/hedge-budget.js";
export { Hedging } from "./dispatch/hedging.js";
export type { AttemptObserver, OpenAttemptDeps } from "./dispatch/open-attempt.js";
export { DEFAULT_POLICY, type PolicySettings, policyFor } from "./dispatch/policy.js";
export type { AttemptRole, DispatchEffect, DispatchInput, DispatchPolicy, DispatchState } from "./dispatch/types.js";
export { handshake } from "./fleet/handshake.js";
export type { Provider } from "./fleet/provider.js";
export { ProviderSession, type SessionEnd, type SessionHooks } from "./fleet/provider-session.js";
export { providerIdOf } from "./fleet/registration.js";
export { Registry } from "./fleet/registry.js";
export { ProofDesk } from "./fleet/trust/proof.js";
export { EMPTY_MANIFEST } from "./fleet/trust/runtime-manifest.js";
export { Background } from "./platform/background.js";
export type { Clock } from "./platform/clock.js";
export { createCredentials } from "./platform/credentials.js";
export { HearthError } from "./platform/errors.js";
export { countingIds } from "./platform/ids.js";
export { type Rng, seededRng } from "./platform/rng.js";
export type { Caller } from "./request/classify.js";
export type { Consumer, Dialect, Reply } from "./request/consumer.js";
export { handleRequest, type RequestServices } from "./request/handle-request.js";
export type { InferenceRequest } from "./request/inference-request.js";
export { ProviderContexts } from "./sealing/provider-contexts.js";
export { type Catalog, DEFAULT_CATALOG } from "./selection/catalog.js";
export { type GateContext, gateAgainst } from "./selection/gates.js";
export { OutlierDetector, type Report } from "./selection/outlier.js";
export { OUTLIER } from "./selection/outlier-policy.js";
export type { Lease, PickResult } from "./selection/pick-result.js";
export { createPicker, type Picker } from "./selection/picker.js";
export { SHAPES, type Shape, type Traits, type Tried } from "./selection/traits.js";
export { WaitQueue, type WaitRequest, type WaitResult } from "./selection/wait-queue.js";
