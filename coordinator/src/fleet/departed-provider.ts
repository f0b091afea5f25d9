import type { Hardware, ModelAdvert, ProviderId, TrustLevel } from "@hearth/protocol";
import type { Provider } from "./provider.js";

/** The facts of a machine that is away, as far as requests that wait for it need them. */
export interface DepartedFacts
  extends Pick<
    Provider,
    "id" | "name" | "account" | "agentVersion" | "hardware" | "trust" | "availableTo" | "serialHash"
  > {
  readonly models: readonly ModelAdvert[];
}

/** A machine that is not connected and is expected back. Of its present state only its absence is against it. */
export class DepartedProvider implements Provider {
  readonly id: ProviderId;
  /** It changes no more. */
  readonly version = 0;
  readonly name: string | undefined;
  readonly account: string;
  readonly agentVersion: string;
  readonly hardware: Hardware;
  readonly trust: TrustLevel;
  readonly availableTo: Provider["availableTo"];
  readonly serialHash: string;
  readonly models: ReadonlyMap<string, ModelAdvert>;
  readonly untrusted: boolean;
  readonly status = "offline";
  readonly freshUntil: number = Number.POSITIVE_INFINITY;
  /** It will tell a key when it is back. */
  readonly encryptionKey: Provider["encryptionKey"] = undefined;
  readonly slots: Provider["slots"] = new Map();
  readonly vitals: Provider["vitals"] = {};
  readonly backlogBytes = 0;
  readonly connectedAt: number;
  readonly lastHeartbeatAt: number;

  constructor(facts: DepartedFacts, { untrusted, leftAt }: { readonly untrusted: boolean; readonly leftAt: number }) {
    this.id = facts.id;
    this.name = facts.name;
    this.account = facts.account;
    this.agentVersion = facts.agentVersion;
    this.hardware = facts.hardware;
    this.trust = facts.trust;
    this.availableTo = facts.availableTo;
    this.serialHash = facts.serialHash;
    this.models = new Map(facts.models.map((model) => [model.id, essential(model)]));
    this.untrusted = untrusted;
    this.connectedAt = leftAt;
    this.lastHeartbeatAt = leftAt;
  }

  static of(provider: Provider, leftAt: number): DepartedProvider {
    const { untrusted } = provider;
    return new DepartedProvider({ ...factsOf(provider), models: [...provider.models.values()] }, { untrusted, leftAt });
  }

  runtimeUnverified(): boolean {
    return false;
  }

  inFlight(): number {
    return 0;
  }

  unreportedTokens(): number {
    return 0;
  }

  tokensAhead(): number {
    return 0;
  }

  load(): number {
    return 0;
  }

  /** Never called in earnest: the gates let no request through to a machine that is away. */
  acquire(): Disposable {
    return { [Symbol.dispose]() {} };
  }
}

/** The facts of a provider, but for its models. */
export function factsOf(provider: Provider): Omit<DepartedFacts, "models"> {
  const { id, name, account, agentVersion, hardware, trust, availableTo, serialHash } = provider;
  return { id, name, account, agentVersion, hardware, trust, availableTo, serialHash };
}

/** The part of a model's advert that gates look at, or that identifies the build for the breaker. */
export function essential({
  id,
  context_length,
  weights_bytes,
  capabilities,
  dialects,
  ...rest
}: ModelAdvert): ModelAdvert {
  const { backend, template_render_ok, weights_hash } = rest;
  return {
    id,
    capabilities,
    ...(context_length === undefined ? {} : { context_length }),
    ...(weights_bytes === undefined ? {} : { weights_bytes }),
    ...(dialects === undefined ? {} : { dialects }),
    ...(weights_hash === undefined ? {} : { weights_hash }),
    ...(backend === undefined ? {} : { backend }),
    ...(template_render_ok === undefined ? {} : { template_render_ok }),
  };
}
