import { type Clock, describeFault, randomId } from "@hearth/platform";
import type { Context } from "hono";
import { matchedRoutes } from "hono/route";
import type { Principal } from "../accounts/principal.js";
import type { HttpEnv } from "../http/routing.js";
import type { Logger } from "../platform/logger.js";
import { Pruning } from "../platform/pruning.js";
import { ACTION_PRUNE_BATCH, type AdminAction, type AdminActionStore } from "../store/admin-action-store.js";
import type { ActionLogSettings } from "./action-log-settings.js";

export interface ActionLogDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: AdminActionStore;
  /** As the operator has them now. */
  readonly settings: () => ActionLogSettings;
}

const DAY_MS = 86_400_000;
const MAX_TARGET = 256;

/** Routes that are asked by POST and change nothing. */
const QUESTIONS: ReadonlySet<string> = new Set(["/admin/explain"]);

/** Who did what with the operator's routes, for as long as it is to be kept. */
export class ActionLog implements Disposable {
  readonly #deps: ActionLogDeps;
  readonly #pruning: Pruning;

  constructor(deps: ActionLogDeps) {
    const { clock, log, store, settings } = deps;
    this.#deps = deps;
    const prune = (): Promise<number> =>
      store.prune(clock.wallTime() - settings().actionDays * DAY_MS, settings().actions);
    this.#pruning = new Pruning({ clock, log, what: "admin actions", batch: ACTION_PRUNE_BATCH, prune });
  }

  list(...page: Parameters<AdminActionStore["list"]>): ReturnType<AdminActionStore["list"]> {
    return this.#deps.store.list(...page);
  }

  /** A request has been answered. What changes nothing is not kept; what was refused is, as somebody tried. */
  async answered(c: Context<HttpEnv>, { keyId, account }: Principal): Promise<void> {
    const route = matchedRoutes(c).findLast(({ method }) => method !== "ALL")?.path;
    const { method } = c.req;
    if (route === undefined || method === "GET" || method === "HEAD" || QUESTIONS.has(route)) return;
    const { clock } = this.#deps;
    const { headersSent, statusCode } = c.env.outgoing;
    await this.#keep({
      ...{ id: randomId("act_"), atMs: Math.round(clock.wallTime()), keyId, account, method, route },
      target: await targetOf(c, route),
      status: headersSent ? statusCode : c.res.status,
    });
  }

  [Symbol.dispose](): void {
    this.#pruning[Symbol.dispose]();
  }

  /** What was done stays done where it cannot be written down; the log of the process has it then. */
  async #keep(action: AdminAction): Promise<void> {
    const { store, log } = this.#deps;
    try {
      await store.put(action);
    } catch (error) {
      log.error({ action, fault: describeFault(error) }, "admin action not kept");
    }
  }
}

/** What an action was done to: the parameters of its path, and what the answer says it has made or changed. */
async function targetOf(c: Context<HttpEnv>, route: string): Promise<string> {
  const asked = c.req.path.split("/");
  const params = route.split("/").flatMap((part, at) => (part.startsWith(":") ? [asked[at] ?? ""] : []));
  const made = c.env.outgoing.headersSent ? undefined : nameIn(await bodyOf(c.res));
  const names = made === undefined || params.includes(made) ? params : [...params, made];
  return names.join(" ").slice(0, MAX_TARGET);
}

async function bodyOf(answer: Response): Promise<unknown> {
  const isJson = answer.headers.get("content-type")?.startsWith("application/json") === true;
  return isJson ? answer.clone().json() : undefined;
}

function nameIn(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const { id, provider } = body as { readonly id?: unknown; readonly provider?: unknown };
  const name = id ?? provider;
  return typeof name === "string" ? name : undefined;
}
