import { LIMITS, type ModelAdvert } from "@hearth/protocol";
import type { Logger } from "../platform/logger.js";
import type {
  Backend,
  BackendRequest,
  BackendResponse,
  BackendSlot,
  BackendStatus,
  ModelSource,
  ReachableBackend,
} from "./backend.js";
import { modelIn } from "./model-names.js";
import type { WatchedRequest } from "./sign-watch.js";

interface Member {
  readonly backend: Backend;
  status: BackendStatus;
  /** The last that it served: one that went away keeps its models, with crashed slots. */
  known: ReachableBackend | undefined;
}

/**
 * Several backends as one: what they serve together, each request to the one that serves its model. Of several that
 * serve a model the first where it has not crashed gets it, in the order in which they were given.
 */
export class BackendSet implements Backend {
  readonly name: string;
  readonly #members: readonly Member[];
  readonly #log: Logger;

  /** @param backends at least one */
  constructor(backends: readonly Backend[], log: Logger) {
    this.name = backends.map(({ name }) => name).join(", ");
    this.#log = log;
    this.#members = backends.map((backend) => ({
      backend,
      status: { type: "unreachable", problem: "not asked yet" },
      known: undefined,
    }));
  }

  /** How each of them stands, as of the last probe. */
  get members(): readonly { readonly name: string; readonly status: BackendStatus }[] {
    return this.#members.map(({ backend, status }) => ({ name: backend.name, status }));
  }

  async probe(signal: AbortSignal): Promise<BackendStatus> {
    await Promise.all(this.#members.map((member) => this.#ask(member, signal)));
    if (this.#members.some(({ status }) => status.type === "reachable")) return this.#together();
    const problems = this.#members.flatMap(({ status }) => (status.type === "unreachable" ? [status.problem] : []));
    return { type: "unreachable", problem: [...new Set(problems)].join(", ") };
  }

  open(request: BackendRequest, signal: AbortSignal): Promise<BackendResponse> {
    const model = request.model ?? modelIn(request.body);
    const server = model === undefined ? undefined : this.#serverOf(model);
    return server === undefined ? Promise.resolve(notFound()) : server.backend.open(request, signal);
  }

  watch(request: WatchedRequest): Disposable {
    return this.#serverOf(request.model)?.backend.watch?.(request) ?? { [Symbol.dispose]() {} };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map(({ backend }) => backend.stop()));
  }

  async #ask(member: Member, signal: AbortSignal): Promise<void> {
    const { backend, status: before } = member;
    const status = await backend.probe(signal);
    member.status = status;
    if (status.type === "reachable") member.known = status;
    if (status.type === before.type) return;
    if (status.type === "reachable") this.#log.info({ backend: backend.name }, "backend of several reachable");
    else this.#log.warn({ backend: backend.name, problem: status.problem }, "backend of several unreachable");
  }

  /** Those where it has not crashed come first, so that a model which one of them serves does not count as crashed. */
  #serverOf(model: string): Member | undefined {
    const serving = this.#members.filter(({ known }) => known?.models.some(({ id }) => id === model));
    return serving.find((member) => slotOf(member, model).state !== "crashed") ?? serving[0];
  }

  /** What is named for all of them is missing only where none has it, and while one is down it may be there. */
  #missing(models: ReadonlyMap<string, ModelAdvert>): readonly string[] {
    const known = this.#members.map((member) => member.known);
    if (known.includes(undefined)) return [];
    return [...new Set(known.flatMap((each) => each?.missing ?? []))].filter((id) => !models.has(id));
  }

  /** In the order in which the backends were given, whichever are down, so that nothing moves when one comes or goes. */
  #together(): ReachableBackend {
    const models = new Map<string, ModelAdvert>();
    const slots: BackendSlot[] = [];
    const sources = new Map<string, ModelSource>();
    for (const member of this.#members) {
      for (const advert of member.known?.models ?? []) {
        if (models.has(advert.id) || models.size >= LIMITS.modelsPerProvider) continue;
        const server = this.#serverOf(advert.id) ?? member;
        models.set(advert.id, server.known?.models.find(({ id }) => id === advert.id) ?? advert);
        slots.push(slotOf(server, advert.id));
        const source = server.known?.sources.get(advert.id);
        if (source !== undefined) sources.set(advert.id, source);
      }
    }
    const missing = this.#missing(models);
    const down = this.#members.flatMap(({ backend: { name }, status }) =>
      status.type === "unreachable" ? [{ name, problem: status.problem }] : [],
    );
    return {
      type: "reachable",
      models: [...models.values()],
      slots,
      sources,
      ...(missing.length === 0 ? {} : { missing }),
      ...(down.length === 0 ? {} : { down }),
    };
  }
}

function slotOf({ status, known }: Member, model: string): BackendSlot {
  if (status.type === "unreachable") return { model, state: "crashed" };
  return known?.slots.find((slot) => slot.model === model) ?? { model, state: "idle" };
}

function notFound(): BackendResponse {
  const error = { code: 404, message: "No backend serves this model.", type: "not_found_error" };
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(JSON.stringify({ error }));
  }
  return { status: 404, contentType: "application/json", body: body() };
}
