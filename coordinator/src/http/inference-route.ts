import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { LIMITS } from "@hearth/protocol";
import type { Clock } from "../platform/clock.js";
import type { Credentials } from "../platform/credentials.js";
import { HearthError } from "../platform/errors.js";
import { describeFault } from "../platform/fault.js";
import type { Ids } from "../platform/ids.js";
import type { Logger } from "../platform/logger.js";
import type { Metrics } from "../platform/metrics.js";
import type { Caller } from "../request/classify.js";
import { handleRequest, type RequestServices } from "../request/handle-request.js";
import { authenticate } from "./authenticate.js";
import type { InferenceEndpoint } from "./inference-endpoints.js";
import { NodeConsumer } from "./node-consumer.js";
import { readBody } from "./read-body.js";

export interface InferenceDeps {
  readonly services: RequestServices;
  readonly apiKeys: Credentials;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Aborted with `"shutdown"` when the drain is over. */
  readonly shutdown: AbortSignal;
}

/** Serves one inference request on the raw Node request and response. Never rejects. */
export async function serveInference(
  deps: InferenceDeps,
  endpoint: InferenceEndpoint,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const id = deps.ids.request();
  const log = deps.log.child({ request: id });
  const dialect = endpoint.dialect({ id, clock: deps.clock });
  const consumer = new NodeConsumer(response, deps.clock, dialect.errorBody);
  const gone = new AbortController();
  const onClose = (): void => gone.abort("consumer_gone");
  const onShutdown = (): void => gone.abort("shutdown");
  response.on("close", onClose);
  deps.shutdown.addEventListener("abort", onShutdown);
  for (const name of endpoint.idHeaders) response.setHeader(name, id);
  try {
    const caller = readCaller(incoming.headers, deps.apiKeys);
    const body = await readBody(incoming, LIMITS.requestBodyBytes);
    await handleRequest(deps.services, { body, caller, dialect, consumer, log }, gone.signal);
  } catch (thrown) {
    const error = HearthError.from(thrown);
    deps.metrics.refusals.inc({ code: error.code });
    if (error.code === "internal")
      log.error({ fault: describeFault(error.cause) }, "request failed inside the coordinator");
    consumer.sendError(error);
  } finally {
    consumer.close();
    response.off("close", onClose);
    deps.shutdown.removeEventListener("abort", onShutdown);
  }
}

function readCaller(headers: IncomingHttpHeaders, apiKeys: Credentials): Caller {
  return {
    account: authenticate(headers, apiKeys),
    allowlist: allowlistOf(headers["x-hearth-providers"]),
    route: routeOf(headers["x-hearth-route"]),
  };
}

function allowlistOf(header: string | string[] | undefined): Caller["allowlist"] {
  if (typeof header !== "string") return undefined;
  const ids = header.split(",").map((id) => id.trim());
  return new Set(ids.filter((id) => id.length > 0));
}

function routeOf(header: string | string[] | undefined): Caller["route"] {
  switch (header) {
    case undefined:
      return "any";
    case "self":
    case "prefer":
      return header;
    default:
      throw new HearthError("invalid_request", "X-Hearth-Route must be 'self' or 'prefer'.", {
        param: "X-Hearth-Route",
      });
  }
}
