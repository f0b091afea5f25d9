import type { IncomingMessage } from "node:http";
import type { Hono } from "hono";
import { HearthError } from "../platform/errors.js";
import type { HttpEnv } from "./routing.js";

/**
 * Where operators come in. With an address of their own, what is theirs is at no other: it is as if it did not exist
 * there, whatever key is shown.
 */
export class OperatorsDoor {
  readonly #isApart: boolean;
  readonly #through = new WeakSet<IncomingMessage>();

  /** @param isApart operators have an address of their own */
  constructor(isApart: boolean) {
    this.#isApart = isApart;
  }

  /** A request has come in at the operators' own address. */
  enter(incoming: IncomingMessage): void {
    this.#through.add(incoming);
  }

  /** Whether operators are served where a request has come in. */
  isAt(incoming: IncomingMessage): boolean {
    return !this.#isApart || this.#through.has(incoming);
  }

  /** Keeps these paths to it. To be called before they have routes. */
  guard(app: Hono<HttpEnv>, ...paths: readonly string[]): void {
    if (!this.#isApart) return;
    // Routes know a path by more spellings than one: where a middleware stands nobody gets past it.
    for (const path of paths) {
      app.use(path, (c, next) => {
        if (this.isAt(c.env.incoming)) return next();
        throw new HearthError("not_found", `No route for ${c.req.method} ${c.req.path}.`);
      });
    }
  }
}
