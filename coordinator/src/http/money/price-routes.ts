import type { Clock } from "@hearth/platform";
import type { Context, Hono } from "hono";
import { readJson } from "../../api/check-body.js";
import { named } from "../../api/named-schemas.js";
import type { ProviderDirectory } from "../../fleet/provider-directory.js";
import { HearthError, invalidMember } from "../../platform/errors.js";
import type { Page } from "../../store/enrolment-store.js";
import type { AskedPrice, EndResult, ListedPrice, PriceSubject, SetPriceResult } from "../../store/price-store.js";
import { described, type Operation } from "../openapi/operation.js";
import { list, listSchema, pageSchema } from "../paged-list.js";
import { readBody } from "../read-body.js";
import type { HttpEnv } from "../routing.js";
import {
  askedPrice,
  describePrice,
  milliseconds,
  type PriceLimits,
  priceEndSchema,
  priceOrderSchema,
  priceSchema,
  readEnd,
} from "./price-forms.js";

/** What owners ask, as it is kept. */
interface OwnerPriceBook {
  list(page: Page): Promise<readonly ListedPrice[]>;
  /** @returns `past` = that moment is over */
  set(
    order: PriceSubject & { readonly price: AskedPrice; readonly fromMs: number | undefined },
  ): Promise<SetPriceResult | { readonly type: "past" }>;
  end(id: string, account: string, fromMs?: number): Promise<EndResult | { readonly type: "past" }>;
}

export interface OwnerPriceDeps {
  readonly ownerPrices: OwnerPriceBook;
  /** What an owner may ask for a build from a moment on, wall-clock ms; `undefined` = nothing. */
  readonly priceLimits: (build: string, atMs: number) => PriceLimits | undefined;
  readonly isAlias: (model: string) => boolean;
  readonly directory: Pick<ProviderDirectory, "providers">;
  readonly clock: Clock;
}

/** Enough to see them. */
export interface ListedPriceDeps {
  readonly ownerPrices: Pick<OwnerPriceBook, "list">;
  readonly clock: Clock;
}

const MAX_ORDER_BYTES = 8 * 1024;
const MAX_ID = 128;

const PRICE = named("OwnPrice", priceSchema);
const PRICES = named("OwnPriceList", listSchema(PRICE));

const LIST: Operation = {
  id: "listOwnPrices",
  audience: "Account",
  summary: "List what your account asks for answers of its machines: past prices, those that hold, and those to come",
  query: pageSchema.omit({ account: true }),
  answer: PRICES,
};

const SET: Operation = {
  id: "setOwnPrice",
  audience: "Account",
  summary: "Ask a price of your own for a model, on one of your machines or on all of them",
  description:
    "From now on, or from a later moment, until the next one begins. Of one machine it goes before that of all of them. Requests that have begun keep theirs.",
  request: named("OwnPriceOrder", priceOrderSchema),
  answer: PRICE,
  status: 201,
};

const END: Operation = {
  id: "endOwnPrice",
  audience: "Account",
  summary: "End a price of your own, now or later; one that has not begun is withdrawn",
  query: priceEndSchema,
  answer: PRICE,
};

const LIST_ALL: Operation = {
  id: "listOwnersPrices",
  audience: "Operator",
  summary: "List what the owners of machines ask, of every account or of one",
  query: pageSchema,
  answer: PRICES,
};

/** What an owner asks. @param readOwner @throws HearthError for who owns nothing */
export function ownPriceRoutes(
  app: Hono<HttpEnv>,
  deps: OwnerPriceDeps,
  readOwner: (c: Context<HttpEnv>) => Promise<string>,
): void {
  const { ownerPrices, clock } = deps;
  app.get(
    "/prices",
    described(LIST, async (c) => listPrices(c, deps, await readOwner(c))),
  );
  app.post(
    "/prices",
    described(SET, async (c) => {
      const account = await readOwner(c);
      const order = readJson(priceOrderSchema, await readBody(c.env.incoming, MAX_ORDER_BYTES));
      const { machine, model } = order;
      if (deps.isAlias(model)) throw invalidMember("model", `'${model}' is an alias, and answers are given by builds`);
      if (machine !== undefined && !isOwn(deps, machine, account)) {
        throw invalidMember("machine", "no machine of yours with this id is connected, or expected back");
      }
      const fromMs = milliseconds(order.starts_at);
      const price = askedPrice(order, deps.priceLimits(model, fromMs ?? clock.wallTime()));
      const set = await ownerPrices.set({ account, machine, model, price, fromMs });
      switch (set.type) {
        case "set":
          return c.json(describePrice(set.price, clock.wallTime()), 201);
        case "past":
          throw invalidMember("starts_at", "it is over: a price is for requests that are still to come");
        case "account_full":
          throw invalidMember("model", "the account has as many prices as it may have: end or withdraw some");
      }
    }),
  );
  app.delete(
    "/prices/:id",
    described(END, async (c) => {
      const account = await readOwner(c);
      const id = (c.req.param("id") ?? "").slice(0, MAX_ID);
      const ended = await ownerPrices.end(id, account, readEnd(c.req.query()));
      switch (ended.type) {
        case "ended":
          return c.json(describePrice(ended.price, clock.wallTime()));
        case "withdrawn":
          return c.json({ ...describePrice(ended.price, clock.wallTime()), status: "withdrawn" });
        case "past":
          throw invalidMember("ends_at", "it is over: what has begun is not changed any more");
        case "over":
          throw invalidMember("ends_at", "the price is over by then");
        case "unknown":
          throw new HearthError("not_found", "There is no such price of your account.");
      }
    }),
  );
}

/** What all owners ask, for the operator. */
export function allPricesRoute(admin: Hono<HttpEnv>, deps: ListedPriceDeps): void {
  admin.get(
    "/prices",
    described(LIST_ALL, (c) => listPrices(c, deps)),
  );
}

/** @param account this one's only, whatever the query says */
function listPrices(c: Context<HttpEnv>, { ownerPrices, clock }: ListedPriceDeps, account?: string): Promise<Response> {
  const nowMs = clock.wallTime();
  return list(c, {
    account,
    load: (page) => ownerPrices.list(page),
    describe: (price: ListedPrice) => describePrice(price, nowMs),
  });
}

function isOwn({ directory }: OwnerPriceDeps, machine: string, account: string): boolean {
  for (const { id, account: owner } of directory.providers()) if (id === machine && owner === account) return true;
  return false;
}
