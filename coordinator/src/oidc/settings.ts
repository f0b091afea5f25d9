import { z } from "zod";

/** By which claims people are who here. */
export interface RoleRules {
  /** The claim that holds a person's roles or groups: a text or a list, at a path like `realm_access.roles`. */
  readonly rolesClaim: string;
  /** Those of its values that make an operator … */
  readonly admin: ReadonlySet<string>;
  /** … and one who only looks. */
  readonly read: ReadonlySet<string>;
  /** The claim that names the account; `undefined` = none does. */
  readonly accountClaim: string | undefined;
  /** Accounts by the verified e-mail address, in small letters, or the subject. */
  readonly accounts: ReadonlyMap<string, string>;
}

/** An identity provider that people sign in with. */
export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  /** `undefined` = a public client, which PKCE alone protects. */
  readonly clientSecret: string | undefined;
  readonly scopes: string;
  /** What the button calls it. */
  readonly name: string;
  /** Where the identity provider sends people back to. */
  readonly redirectUrl: string;
  readonly roles: RoleRules;
}

/** Where people come back to, below the public URL. */
export const CALLBACK_PATH = "/dashboard/oidc/callback";

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** What comes by it decides who is an operator. */
const isSafe = (url: string): boolean => {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || LOOPBACK.has(hostname);
};

const entries = z
  .string()
  .default("")
  .transform((text) =>
    text
      .split(",")
      .map((each) => each.trim())
      .filter((each) => each !== ""),
  );

const accounts = entries.transform((given, context) => {
  const map = new Map<string, string>();
  for (const each of given) {
    const at = each.lastIndexOf("=");
    const [who, account] = [each.slice(0, at).trim(), each.slice(at + 1).trim()];
    if (at > 0 && who !== "" && account !== "") map.set(who.includes("@") ? who.toLowerCase() : who, account);
    else context.addIssue({ code: "custom", message: "must be a list like anna@example.com=anna,4711=ben" });
  }
  return map;
});

const schema = z.object({
  HEARTH_PUBLIC_URL: z.string().optional(),
  HEARTH_OIDC_ISSUER: z
    .url({ protocol: /^https?$/, error: "must be an https:// URL" })
    .refine(isSafe, "must be an https:// URL, unless it is on this machine")
    .optional(),
  HEARTH_OIDC_CLIENT_ID: z.string().min(1).max(512).optional(),
  HEARTH_OIDC_CLIENT_SECRET: z.string().min(1).max(1_024).optional(),
  HEARTH_OIDC_NAME: z.string().min(1).max(64).optional(),
  HEARTH_OIDC_SCOPES: z
    .string()
    .regex(/^openid( [\x21\x23-\x5b\x5d-\x7e]+)*$/, "must begin with openid")
    .default("openid email profile"),
  HEARTH_OIDC_ROLES_CLAIM: z.string().min(1).max(256).default("groups"),
  HEARTH_OIDC_ADMIN_ROLES: entries,
  HEARTH_OIDC_READ_ROLES: entries,
  HEARTH_OIDC_ACCOUNT_CLAIM: z.string().min(1).max(256).optional(),
  HEARTH_OIDC_ACCOUNTS: accounts,
});

export interface OidcRead {
  /** `undefined` = people sign in with keys only. */
  readonly settings: OidcSettings | undefined;
  readonly problems: readonly string[];
}

/** Reads what the environment says of an identity provider. @param env without empty variables */
export function readOidc(env: Readonly<Record<string, string | undefined>>): OidcRead {
  const parsed = schema.safeParse(env);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    return { settings: undefined, problems };
  }
  const { data } = parsed;
  const { HEARTH_OIDC_ISSUER: issuer, HEARTH_OIDC_CLIENT_ID: clientId, HEARTH_PUBLIC_URL: publicUrl } = data;
  if (issuer === undefined && clientId === undefined) return { settings: undefined, problems: [] };
  if (issuer === undefined || clientId === undefined || publicUrl === undefined) {
    const problem = "HEARTH_OIDC_ISSUER, HEARTH_OIDC_CLIENT_ID and HEARTH_PUBLIC_URL: each is needed with the others";
    return { settings: undefined, problems: [problem] };
  }
  return { settings: { issuer, clientId, ...restOf(data, issuer, publicUrl) }, problems: [] };
}

function restOf(
  data: z.infer<typeof schema>,
  issuer: string,
  publicUrl: string,
): Omit<OidcSettings, "issuer" | "clientId"> {
  return {
    clientSecret: data.HEARTH_OIDC_CLIENT_SECRET,
    scopes: data.HEARTH_OIDC_SCOPES,
    name: data.HEARTH_OIDC_NAME ?? new URL(issuer).host,
    redirectUrl: new URL(publicUrl).origin + CALLBACK_PATH,
    roles: {
      rolesClaim: data.HEARTH_OIDC_ROLES_CLAIM,
      admin: new Set(data.HEARTH_OIDC_ADMIN_ROLES),
      read: new Set(data.HEARTH_OIDC_READ_ROLES),
      accountClaim: data.HEARTH_OIDC_ACCOUNT_CLAIM,
      accounts: data.HEARTH_OIDC_ACCOUNTS,
    },
  };
}
