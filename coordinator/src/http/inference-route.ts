import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Clock, describeFault } from "@hearth/platform";
import { LIMITS, type RequestId } from "@hearth/protocol";
import type { Principal } from "../accounts/principal.js";
import type { Principals } from "../accounts/resolution.js";
import type { Endpoint } from "../api/endpoint.js";
import { HearthError } from "../platform/errors.js";
import type { Ids } from "../platform/ids.js";
import type { Logger } from "../platform/logger.js";
import type { Metrics } from "../platform/metrics.js";
import type { TraceContext } from "../platform/trace-context.js";
import type { BodyBounds } from "../request/body-bounds.js";
import type { Consumer, ErrorBody, Keeping } from "../request/consumer.js";
import { handleRequest, type RequestServices } from "../request/handle-request.js";
import { patienceOf } from "../request/patience.js";
import { keepRefusal } from "../request/refusal.js";
import type { Ending } from "../request/relay.js";
import type { Progress } from "../request/request-watch.js";
import type { SealingKeys } from "../sealing/sealing-keys.js";
import type { AccountResponses } from "../stored-responses/stored-responses.js";
import { authenticate, secretOf } from "./authenticate.js";
import { clientRequestIdOf, echoClientId } from "./client-request-id.js";
import type { KeptAnswers } from "./idempotency/kept-answers.js";
import { fingerprintOf, idempotencyKeyOf, serveOnce } from "./idempotency/serve-once.js";
import { NodeConsumer } from "./node-consumer.js";
import { Presence } from "./presence.js";
import { declaredBytes, readBody } from "./read-body.js";
import { readCaller } from "./read-caller.js";
import { claimEverywhere, isSealed, MAX_ENVELOPE_BYTES, openEnvelope } from "./sealed/open-request.js";
import { SealedConsumer } from "./sealed/sealed-consumer.js";
import type { Upload, Uploads } from "./uploads.js";

export interface InferenceDeps {
  readonly services: RequestServices;
  readonly principals: Principals;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** The keys that consumers may seal their requests to. */
  readonly sealing: SealingKeys;
  /** Told of a connection whose client has shown a valid key. */
  readonly recognised: (socket: Socket) => void;
  /** Aborted with `"shutdown"` when the drain is over. */
  readonly shutdown: AbortSignal;
  /** The answers to requests with an `Idempotency-Key`. */
  readonly kept: KeptAnswers;
  /** The answers that an account may refer to; `undefined` = none are kept. */
  readonly stored: (account: string) => AccountResponses | undefined;
  /** The bodies that are on their way. */
  readonly uploads: Uploads;
  /** Where a request stands in whose trace. @param traceparent the header of this name */
  readonly traceOf: (traceparent: string | string[] | undefined, id: RequestId) => TraceContext | undefined;
  /** What a body may consist of. */
  readonly bounds: BodyBounds;
}

/** Serves one inference request on the raw Node request and response. Never rejects. */
export async function serveInference(
  deps: InferenceDeps,
  endpoint: Endpoint,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const id = deps.ids.request();
  const arrivedAt = deps.clock.now();
  const entrance = { endpoint: endpoint.path, dialect: endpoint.speaks };
  const { watch } = deps.services.settlement;
  const progress: Progress = {};
  const clientId = clientRequestIdOf(incoming.headers["x-request-id"]);
  const trace = deps.traceOf(incoming.headers["traceparent"], id);
  let principal: Principal | undefined;
  let keeping: Keeping | undefined;
  const dialect = endpoint.dialect({ id, clock: deps.clock, bounds: deps.bounds, keeping: () => keeping });
  const plain = new NodeConsumer(response, deps.clock, dialect.errorBody);
  let consumer: Consumer = plain;
  using presence = new Presence(response, deps.shutdown, deps.clock);
  using making = new Making(presence);
  for (const name of endpoint.idHeaders) response.setHeader(name, id);
  echoClientId(response, clientId, id);
  try {
    principal = await authenticate(incoming.headers, deps.principals, "inference");
    watch?.arrived({ id, clientId, principal, entrance, progress, arrivedAt, trace });
    const caller = readCaller(incoming.headers, principal, { trace, clientId });
    const key = idempotencyKeyOf(incoming.headers["idempotency-key"]);
    deps.recognised(incoming.socket);
    const isOpen = !isSealed(incoming.headers["content-type"]);
    // What comes sealed is kept nowhere.
    keeping = isOpen ? making.of(deps.stored(caller.account)) : undefined;
    // The body is with the request until that has ended.
    using upload = deps.uploads.begin(caller.account, declaredBytes(incoming));
    const read = isOpen ? readPlain : readSealed;
    const received = await read({ deps, upload, path: endpoint.path, incoming, plain, errorBody: dialect.errorBody });
    consumer = received.consumer;
    const asked = { ...received, caller, entrance, progress, dialect };
    const execute = (told: Consumer): Promise<Ending> =>
      handleRequest(deps.services, { ...asked, consumer: told }, presence.signal);
    if (key === undefined) await execute(consumer);
    else {
      const secrets = [secretOf(incoming.headers) ?? "", endpoint.path, key];
      const request = { account: caller.account, secrets, fingerprint: fingerprintOf(received.body) };
      const patienceMs = patienceOf(caller, undefined, deps.services.policy);
      await serveOnce({ ...deps, request, consumer, presence, patienceMs, keeps: isOpen }, execute);
    }
  } catch (thrown) {
    const error = HearthError.from(thrown);
    if (principal !== undefined) {
      keepRefusal(deps.services, { id, clientId, principal, entrance, progress, arrivedAt, trace, error });
    }
    deps.metrics.refusals.inc({ code: error.code });
    if (error.code === "internal") {
      deps.log.error({ request: id, fault: describeFault(error.cause) }, "request failed inside the coordinator");
    }
    consumer.sendError(error);
  } finally {
    watch?.left(id);
    if (presence.cancelled) tellCancelled(consumer, response);
    plain.close();
  }
}

/** The answer that is being made, where it may be referred to. */
class Making implements Disposable {
  readonly #presence: Presence;
  #begun: Disposable | undefined;

  constructor(presence: Presence) {
    this.#presence = presence;
  }

  of(responses: AccountResponses | undefined): Keeping | undefined {
    if (responses === undefined) return undefined;
    const cancel = (): void => this.#presence.cancel();
    return {
      responses,
      begun: (response) => {
        this.#begun = responses.making({ response, cancel });
      },
    };
  }

  [Symbol.dispose](): void {
    this.#begun?.[Symbol.dispose]();
  }
}

function tellCancelled(consumer: Consumer, response: ServerResponse): void {
  if (response.headersSent) consumer.endStream();
  else consumer.sendError(new HearthError("cancelled", "The response was cancelled."));
}

interface Arriving {
  readonly deps: InferenceDeps;
  readonly upload: Upload;
  readonly path: string;
  readonly incoming: IncomingMessage;
  readonly plain: NodeConsumer;
  readonly errorBody: ErrorBody;
}

/** A body in the open, and the consumer who is to be answered in the form in which it asked. */
interface Received {
  readonly body: Buffer;
  readonly consumer: Consumer;
}

/** Reads a body as one of its account's uploads. @throws as `Upload` and `readBody` do */
export async function receive(upload: Upload, incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const body = await readBody(incoming, maxBytes, upload);
  upload.arrivedWhole();
  return body;
}

async function readPlain({ upload, incoming, plain }: Arriving): Promise<Received> {
  return { body: await receive(upload, incoming, LIMITS.requestBodyBytes), consumer: plain };
}

async function readSealed({ deps, upload, path, incoming, plain, errorBody }: Arriving): Promise<Received> {
  const bytes = await receive(upload, incoming, MAX_ENVELOPE_BYTES);
  const opened = openEnvelope(deps.sealing, path, bytes);
  await claimEverywhere(deps.sealing, opened);
  const { body, response } = opened;
  return { body, consumer: new SealedConsumer(plain, response, errorBody) };
}
