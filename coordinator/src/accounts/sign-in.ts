import type { Clock } from "@hearth/platform";
import { z } from "zod";
import type { SharedEntries } from "../platform/shared-entries.js";
import { type OpenedSession, Sessions, type SharedSessions } from "./sessions.js";

export interface SignInSettings {
  /** How long somebody stays signed in on the web page, ms. */
  readonly sessionMs: number;
  /** Who is signed in at once; the oldest goes first. */
  readonly sessions: number;
  /** How long a link to sign in with is good, ms. */
  readonly linkMs: number;
  /** Keys and links that are none, from one address, before it has to wait. */
  readonly wrongGuesses: number;
  /** … for so long, ms. */
  readonly guessWindowMs: number;
}

/** A working day, and a link that is opened at once. Ten typing errors are many, ten guesses at 192 bits are nothing. */
export const DEFAULT_SIGN_IN: SignInSettings = {
  sessionMs: 12 * 3_600_000,
  sessions: 10_000,
  linkMs: 5 * 60_000,
  wrongGuesses: 10,
  guessWindowMs: 15 * 60_000,
};

const SESSION_PREFIX = "hs-";
const LINK_PREFIX = "hl-";

/** Links that wait to be opened; the oldest goes first. */
const MAX_LINKS = 100;

/** Somebody whom an identity provider vouches for. There is no key behind them. */
export interface Person {
  /** What stands where others have the id of their key. */
  readonly id: string;
  /** For people to read. */
  readonly name: string;
  /** What of the operator's they may; `undefined` = nothing. */
  readonly operator: "admin" | "read" | undefined;
  /** Whose things they see and use; `undefined` = nobody's. */
  readonly account: string | undefined;
}

/** Whom a session stands for: a key, by its digest, or a person. */
export type SignedIn =
  | { readonly type: "key"; readonly digest: string }
  | { readonly type: "person"; readonly person: Person };

/**
 * Who is signed in on the web page. A session that was opened with a key stands for it, by the key's digest, so that it
 * ends with the key; the key itself is not kept.
 */
export class SignIn {
  readonly #sessions: Sessions<SignedIn>;
  readonly #links: Sessions<SignedIn>;

  /** @param settings read at each use */
  constructor(
    clock: Clock,
    settings: () => Pick<SignInSettings, "sessionMs" | "sessions" | "linkMs">,
    shared?: { readonly sessions: SharedEntries; readonly links: SharedEntries },
  ) {
    const limits = () => ({ lastsMs: settings().sessionMs, most: settings().sessions });
    this.#sessions = new Sessions(clock, limits, SESSION_PREFIX, shared && sharedBy(shared.sessions));
    this.#links = new Sessions(
      clock,
      () => ({ lastsMs: settings().linkMs, most: MAX_LINKS }),
      LINK_PREFIX,
      shared && sharedBy(shared.links),
    );
  }

  open(who: SignedIn): OpenedSession {
    return this.#sessions.open(who);
  }

  /** Makes what signs somebody in once, as this one. */
  link(who: SignedIn): OpenedSession {
    return this.#links.open(who);
  }

  /** @returns whom a link stands for, and `undefined` at every use but the first */
  redeem(link: string): SignedIn | undefined {
    return this.#links.end(link);
  }

  /** @returns whom a session stands for; `undefined` where it is over */
  find(session: string): SignedIn | undefined {
    return this.#sessions.find(session);
  }

  /** Wall-clock ms; `undefined` where it is over. */
  endOf(session: string): number | undefined {
    return this.#sessions.endOf(session);
  }

  close(session: string): void {
    this.#sessions.end(session);
  }
}

const signedInSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("key"), digest: z.string() }),
  z.object({
    type: z.literal("person"),
    person: z.object({
      id: z.string(),
      name: z.string(),
      operator: z.enum(["admin", "read"]).optional(),
      account: z.string().optional(),
    }),
  }),
]);

/** What other coordinators say whom a session stands for. */
const sharedBy = (entries: SharedEntries): SharedSessions<SignedIn> => ({
  entries,
  read(value) {
    const who = signedInSchema.safeParse(value).data;
    if (who?.type !== "person") return who;
    const { operator, account } = who.person;
    return { ...who, person: { ...who.person, operator, account } };
  },
});

/** Whether a secret is that of a session, and not a key. */
export const isSession = (secret: string): boolean => secret.startsWith(SESSION_PREFIX);
