import type { Hardware, ModelAdvert, ProviderId, TrustLevel } from "@hearth/protocol";
import type { Provider } from "./provider.js";

/** What is kept of a machine that is away: what a request that waits for it has to know. */
export interface DepartedFacts
  extends Pick<Provider, "id" | "name" | "account" | "agentVersion" | "hardware" | "trust" | "lentTo" | "serialHash"> {
  readonly models: readonly ModelAdvert[];
}

/** A machine that is not connected and is expected back: no gate but its absence is against it for what it does now. */
export class DepartedProvider implements Provider {
  readonly id: ProviderId;
  /** It changes no more. */
  readonly version = 0;
  readonly name: string | undefined;
  readonly account: string;
  readonly agentVersion: string;
  readonly hardware: Hardware;
  readonly trust: TrustLevel;
  readonly lentTo: Provider["lentTo"];
  readonly serialHash: string;
  readonly models: ReadonlyMap<string, ModelAdvert>;
  readonly untrusted: boolean;
  readonly status = "offline";
  readonly freshUntil: number = Number.POSITIVE_INFINITY;
  /** The key that it comes back with is told then. */
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
    this.lentTo = facts.lentTo;
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

  /** Nothing runs on a machine that is not there: no gate lets a request through to it. */
  acquire(): Disposable {
    return { [Symbol.dispose]() {} };
  }
}

/** The facts of a provider, but for its models. */
export function factsOf(provider: Provider): Omit<DepartedFacts, "models"> {
  const { id, name, account, agentVersion, hardware, trust, lentTo, serialHash } = provider;
  return { id, name, account, agentVersion, hardware, trust, lentTo, serialHash };
}

/** What of a model's advert decides who may be served by it, or names the build that a breaker has opened for. */
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
