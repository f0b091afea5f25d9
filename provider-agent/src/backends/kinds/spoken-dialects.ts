import { BACKEND_DIALECTS, type BackendDialect } from "@hearth/protocol";
import { DIALECT_PATHS, type ServerApi } from "../server-api.js";

/**
 * Asks a server which dialects it speaks, with a request that lacks everything: who knows the endpoint says what is
 * missing, with 400 or, for llama-server's `/v1/messages`, 500; who does not says 404, or 501 where the model cannot.
 * Seen in llama-server b11669.
 *
 * @throws Error when no answer comes
 */
export async function spokenDialects(api: ServerApi, signal: AbortSignal): Promise<readonly BackendDialect[]> {
  const spoken: BackendDialect[] = [];
  for (const dialect of BACKEND_DIALECTS) {
    const { status } = await api.post(`v1/${DIALECT_PATHS[dialect]}`, {}, signal);
    if (status === 400 || status === 422 || status === 500) spoken.push(dialect);
  }
  return spoken;
}
