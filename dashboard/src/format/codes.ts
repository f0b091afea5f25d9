/** The eligibility gates in words: why a machine may not serve a request. */
const GATES: Readonly<Record<string, string>> = {
  allowlist: "not among the machines that the request allows",
  excluded: "already tried by this request",
  not_serving_model: "does not serve this model",
  model_disabled: "the model is switched off",
  error_cooldown: "failed lately and is left out for a while",
  capacity_cooldown: "said it was full, and is left out for a while",
  offline: "not connected",
  draining: "finishing its work, taking nothing new",
  untrusted: "trust has been withdrawn",
  private_only: "serves its owner's account only",
  trust_floor: "below the trust that is asked for",
  runtime_unverified: "runs a program, template or weights that are not on the list of known good ones",
  no_encryption_key: "has no key to seal to",
  challenge_stale: "has not proved itself lately",
  version_floor: "runs an agent that is too old",
  template_broken: "its backend refuses the model's conversations",
  tools: "cannot take tools",
  vision: "cannot take images",
  dialect: "does not speak this API",
  preference: "does not meet a preference of the request",
  slot_crashed: "the model has crashed there",
  slot_reloading: "the model is being loaded",
  no_headroom: "all of its slots are taken",
  thermal_critical: "too hot",
  model_too_large: "the model does not fit into its memory",
  free_memory: "too little memory is free",
  context_exceeded: "the request is longer than its context",
};

export const gateText = (gate: string): string => GATES[gate] ?? plain(gate);

/** `backend_error` → `backend error`. */
export const plain = (code: string): string => code.replaceAll("_", " ");

export const sentence = (code: string): string => {
  const words = plain(code);
  return words.charAt(0).toUpperCase() + words.slice(1);
};
