import type { Gate } from "./gates.js";

/** What a closed gate says of a machine, each part to be read behind "it". */
export interface GateWords {
  /** As it is now. */
  readonly now: string;
  /** As it was when a request passed it over. */
  readonly past: string;
  /** What would open the gate, as a sentence. */
  readonly remedy: string;
}

const ITS_OWN = "Only other requests can be for it.";
const SOON = "It opens by itself.";

/** Each gate in plain words: one table for operators, consumers and owners. */
export const GATE_WORDS: Readonly<Record<Gate, GateWords>> = {
  allowlist: {
    now: "is not among the machines that the request names",
    past: "was not among the machines that the request named",
    remedy: ITS_OWN,
  },
  excluded: { now: "has tried the request already", past: "had tried the request already", remedy: ITS_OWN },
  not_serving_model: {
    now: "does not serve the model",
    past: "does not serve the model",
    remedy: "Its owner has to offer the model.",
  },
  model_disabled: {
    now: "is not asked for the model, which the operator has switched off",
    past: "was not asked for the model, which the operator had switched off",
    remedy: "The operator has to switch the model on again.",
  },
  error_cooldown: {
    now: "failed lately and is given a rest",
    past: "failed lately and was given a rest",
    remedy: "After the rest one request tries it, and an answer ends the rest. The operator can clear it.",
  },
  capacity_cooldown: {
    now: "refused requests lately and is given a rest",
    past: "refused requests lately and was given a rest",
    remedy: "It should advertise no more room than it has. The operator can clear it.",
  },
  offline: { now: "is not connected", past: "was not connected", remedy: "It is expected back, and has to connect." },
  draining: {
    now: "takes nothing new",
    past: "was leaving, or set aside by the operator",
    remedy: "Whoever drains it, its owner or the operator, has to resume it.",
  },
  untrusted: {
    now: "broke the protocol or signed something false",
    past: "broke the protocol",
    remedy: "It is let in again after ten minutes.",
  },
  private_only: {
    now: "is paused or open to its owner only",
    past: "was paused or is open to its owner only",
    remedy: "Its owner has to open it to everybody.",
  },
  trust_floor: {
    now: "is not trusted enough",
    past: "is not trusted enough",
    remedy: "It has to prove more of itself, or less has to be asked for.",
  },
  runtime_unverified: {
    now: "runs what the operator does not list",
    past: "runs what the operator does not list",
    remedy: "It has to run a program, template and weights that the operator lists, or he has to list them.",
  },
  no_encryption_key: {
    now: "has no encryption key",
    past: "had no encryption key",
    remedy: "It has to tell one, which it does when it connects.",
  },
  challenge_stale: {
    now: "has not proved itself for too long",
    past: "has not proved itself for too long",
    remedy: "It has to answer the next challenge.",
  },
  version_floor: {
    now: "runs an agent that is too old",
    past: "runs an agent that is too old",
    remedy: "Its owner has to update the agent.",
  },
  template_broken: {
    now: "has a broken chat template",
    past: "has a broken chat template",
    remedy: "Its owner has to give the model a chat template that its server takes.",
  },
  tools: {
    now: "cannot call tools",
    past: "cannot call tools",
    remedy: "Its server has to be started with support for tools.",
  },
  vision: { now: "takes no images", past: "takes no images", remedy: "It has to serve a model that sees." },
  structured_output: {
    now: "keeps to no JSON schema",
    past: "keeps to no JSON schema",
    remedy: "Its server has to support JSON schemas.",
  },
  logprobs: {
    now: "tells no probabilities of tokens",
    past: "tells no probabilities of tokens",
    remedy: "Its server has to support logprobs.",
  },
  dialect: {
    now: "does not speak the request's API",
    past: "does not speak the request's API",
    remedy: "Its server has to speak that API.",
  },
  slot_crashed: {
    now: "has a backend that crashed",
    past: "had a backend that crashed",
    remedy: "Its backend has to be started again.",
  },
  slot_reloading: { now: "is loading the model", past: "was loading the model", remedy: SOON },
  no_headroom: { now: "is full", past: "was full", remedy: "It opens when something that runs there ends." },
  thermal_critical: { now: "is too hot", past: "was too hot", remedy: "It has to cool down." },
  model_too_large: {
    now: "has too little memory",
    past: "has too little memory",
    remedy: "It needs more memory, or a smaller build of the model.",
  },
  free_memory: {
    now: "has too little free memory",
    past: "had too little free memory",
    remedy: "Other programs on it have to free some.",
  },
  context_exceeded: {
    now: "has too short a context",
    past: "has too short a context",
    remedy: "Its server has to be started with a longer context.",
  },
};
