import type { Logger } from "@hearth/coordinator";
import type {
  Catalog,
  CircuitBreaker,
  ProviderContexts,
  Registry,
  RequestServices,
} from "@hearth/coordinator/internals";
import type { ProviderId } from "@hearth/protocol";
import type { ConnectionRecord } from "./journal.js";
import type { SimSocket } from "./socket.js";

/** The coordinator's own parts as `app.ts` puts them together, on virtual time. */
export interface CoordinatorUnderTest {
  readonly services: RequestServices;
  readonly registry: Registry;
  readonly contexts: ProviderContexts;
  readonly breaker: CircuitBreaker;
  readonly catalog: Catalog;
  readonly log: Logger;
  accept(socket: SimSocket, record: ConnectionRecord): void;
  providerId(index: number): ProviderId;
}
