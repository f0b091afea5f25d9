import type { Context, Hono } from "hono";
import { z } from "zod";
import { readJson } from "../../api/check-body.js";
import { named } from "../../api/named-schemas.js";
import { OWNER_EVENTS, type OwnerNotices } from "../../notifications/owner-notices.js";
import { HearthError, invalidMember } from "../../platform/errors.js";
import type { KeptNoticeTarget, LastDelivery, NoticeTarget } from "../../store/notice-store.js";
import { described, type Operation } from "../openapi/operation.js";
import { readBody } from "../read-body.js";
import type { HttpEnv } from "../routing.js";

export interface NotificationDeps {
  /** `undefined` = the operator has turned them off. */
  readonly ownerNotices: OwnerNotices | undefined;
  /** Whether webhooks may be anywhere, and without TLS. */
  readonly arePrivateAllowed: boolean;
}

export interface NotificationReach {
  readonly readAccount: (c: Context<HttpEnv>) => Promise<string>;
  /** The same for whoever changes something. @throws HearthError for who may not */
  readonly mayChange: (c: Context<HttpEnv>) => Promise<string>;
}

const MAX_BODY_BYTES = 8 * 1024;

const events = z.array(z.enum(OWNER_EVENTS)).max(OWNER_EVENTS.length);
const format = z.enum(["json", "slack"]).meta({ description: '`slack`: words for people, as `{"text": …}`.' });

const orderSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).max(2_048),
  format: format.default("json"),
  events,
  new_secret: z
    .boolean()
    .default(false)
    .meta({ description: "Makes another secret for the signatures; without one, one is made in any case." }),
});

const deliverySchema = z.object({
  at: z.int().meta({ description: "Unix time, seconds." }),
  failure: z.string().nullable().meta({
    description:
      "`null`: it was taken. `address_not_allowed`, `no_such_host`, `no_connection`, `no_answer`, `bad_certificate`, or `status_` and what was answered.",
  }),
});

const settingSchema = z.object({
  object: z.literal("notifications"),
  available_events: events,
  place: z.string().nullable().meta({ description: "Where they go, without its path; `null` = nowhere." }),
  format,
  events,
  last_delivery: deliverySchema.nullable(),
});

const SETTING = named("Notifications", settingSchema);
const SET = named(
  "NewNotifications",
  settingSchema.extend({
    secret: z.string().nullable().meta({ description: "Of the signatures; told where it is new, and this once." }),
  }),
);
const TEST = named("NotificationTest", z.object({ object: z.literal("notifications.test"), ...deliverySchema.shape }));

const GET: Operation = {
  id: "retrieveNotifications",
  audience: "Account",
  summary: "Get what your account hears of by webhook, and how the last message fared",
  answer: SETTING,
};
const PUT: Operation = {
  id: "replaceNotifications",
  audience: "Account",
  summary: "Set what your account hears of by webhook, and where",
  request: named("NotificationOrder", orderSchema),
  answer: SET,
};
const END: Operation = {
  id: "endNotifications",
  audience: "Account",
  summary: "Hear of nothing any more; what waits is forgotten",
  answer: named("NotificationsEnded", z.object({ object: z.literal("notifications"), deleted: z.literal(true) })),
};
const TRY: Operation = {
  id: "testNotifications",
  audience: "Account",
  summary: "Send a message that says nothing to your webhook now, and tell whether it was taken",
  answer: TEST,
};

/** What an account hears of its own things. */
export function notificationRoutes(own: Hono<HttpEnv>, deps: NotificationDeps, reach: NotificationReach): void {
  const on = (): OwnerNotices => {
    if (deps.ownerNotices !== undefined) return deps.ownerNotices;
    throw new HearthError("not_found", "Whoever runs this coordinator has turned notifications of accounts off.");
  };
  own.get(
    "/notifications",
    described(GET, async (c) => {
      const notices = on();
      return c.json(describe(await notices.find(await reach.readAccount(c))));
    }),
  );
  own.put(
    "/notifications",
    described(PUT, async (c) => {
      const notices = on();
      const account = await reach.mayChange(c);
      const order = readJson(orderSchema, await readBody(c.env.incoming, MAX_BODY_BYTES));
      const { url, format: as, events: chosen, new_secret: isSecretNew } = order;
      checkUrl(new URL(url), deps);
      const wanted = { account, url, format: as, events: [...new Set(chosen)], isSecretNew };
      const { target, secret } = await notices.set(wanted);
      c.header("Cache-Control", "no-store");
      return c.json({ ...describe({ ...target, last: undefined }), secret: secret ?? null });
    }),
  );
  own.delete(
    "/notifications",
    described(END, async (c) => {
      const notices = on();
      if (!(await notices.remove(await reach.mayChange(c)))) throw noTarget();
      return c.json({ object: "notifications", deleted: true });
    }),
  );
  own.post(
    "/notifications/test",
    described(TRY, async (c) => {
      const notices = on();
      const tested = await notices.test(await reach.mayChange(c));
      if (tested.type === "none") throw noTarget();
      if (tested.type === "too_soon") {
        const retryAfterSeconds = Math.ceil(tested.waitMs / 1_000);
        throw new HearthError("rate_limit_exceeded", "A test was sent just now: wait a moment.", { retryAfterSeconds });
      }
      return c.json({ object: "notifications.test", ...describeDelivery(tested) });
    }),
  );
}

const noTarget = (): HearthError => new HearthError("not_found", "Your account has no webhook set up.");

/** What can be known before a name is looked up: the rest is seen when something is sent. */
function checkUrl({ protocol, username, password }: URL, { arePrivateAllowed }: NotificationDeps): void {
  if (username !== "" || password !== "") throw invalidMember("url", "must hold no user name and no password");
  if (protocol !== "https:" && !arePrivateAllowed) throw invalidMember("url", "must be an https:// URL");
}

function describe(target: (NoticeTarget & Pick<KeptNoticeTarget, "last">) | undefined): z.infer<typeof settingSchema> {
  return {
    object: "notifications",
    available_events: [...OWNER_EVENTS],
    // The path may be a secret: those of Slack are.
    place: target === undefined ? null : new URL(target.url).origin,
    format: target?.format ?? "json",
    events: OWNER_EVENTS.filter((event) => target?.events.includes(event)),
    last_delivery: target?.last === undefined ? null : describeDelivery(target.last),
  };
}

const describeDelivery = ({ atMs, failure }: LastDelivery): z.infer<typeof deliverySchema> => ({
  at: Math.floor(atMs / 1_000),
  failure: failure ?? null,
});
