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
/** Characters of what one action has changed, as JSON; beyond them only the names are kept, and then as many as fit. */
const MAX_CHANGES = 16_384;

/** A setting that is not the same any more. */
export interface SettingChange {
  readonly path: string;
  /** `null` = it was not there. */
  readonly before: unknown;
  readonly after: unknown;
}

/** Routes that are asked by POST and change nothing. */
const QUESTIONS: ReadonlySet<string> = new Set(["/admin/explain"]);

/** Who did what with the operator's routes, for as long as it is to be kept. */
export class ActionLog implements Disposable {
  readonly #deps: ActionLogDeps;
  readonly #pruning: Pruning;
  /** By the request: what it has changed; a question, whatever its method, has `undefined`. */
  readonly #told = new WeakMap<object, readonly SettingChange[] | undefined>();

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

  /**
   * What a request changes, without secrets, to be kept with it.
   *
   * @param changes `undefined` = it only asks what would change
   */
  changes(c: Context<HttpEnv>, changes: readonly SettingChange[] | undefined): void {
    this.#told.set(c.env.incoming, changes);
  }

  /** A request has been answered. What changes nothing is not kept; what was refused is, as somebody tried. */
  async answered(c: Context<HttpEnv>, { keyId, account }: Principal): Promise<void> {
    const route = matchedRoutes(c).findLast(({ method }) => method !== "ALL")?.path;
    const { method } = c.req;
    if (route === undefined || method === "GET" || method === "HEAD" || QUESTIONS.has(route)) return;
    const changes = this.#told.get(c.env.incoming);
    if (changes === undefined && this.#told.has(c.env.incoming)) return;
    const { clock } = this.#deps;
    const { headersSent, statusCode } = c.env.outgoing;
    await this.#keep({
      ...{ id: randomId("act_"), atMs: Math.round(clock.wallTime()), keyId, account, method, route },
      target: await targetOf(c, route),
      status: headersSent ? statusCode : c.res.status,
      changes: changes === undefined ? "" : shortened(changes),
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
  const params = route.split("/").flatMap((part, at) => {
    if (!part.startsWith(":")) return [];
    // The names of models may hold slashes.
    return [part.endsWith("{.+}") ? asked.slice(at).join("/") : (asked[at] ?? "")];
  });
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

function shortened(changes: readonly SettingChange[]): string {
  const whole = JSON.stringify(changes);
  if (whole.length <= MAX_CHANGES) return whole;
  const names: { readonly path: string }[] = [];
  let length = 2;
  for (const { path } of changes) {
    length += JSON.stringify({ path }).length + 1;
    if (length > MAX_CHANGES) break;
    names.push({ path });
  }
  return JSON.stringify(names);
}
