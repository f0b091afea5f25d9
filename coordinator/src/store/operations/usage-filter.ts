import { type ExpressionBuilder, sql } from "kysely";
import type { Tables } from "../schema/tables.js";
import type { UsageFilter } from "../usage-store.js";

/** The requests that are meant. */
export function matching(filter: UsageFilter) {
  const { fromMs, toMs, endUser, tag } = filter;
  return ({ eb, and }: ExpressionBuilder<Tables, "request_usage">) =>
    and([
      eb("at_ms", ">=", fromMs),
      eb("at_ms", "<", toMs),
      ...namesOf(filter).map(([column, name]) => eb(column, "=", name)),
      // Its index is of those that are for somebody: engines use it where that is said.
      ...(endUser === undefined ? [] : [sql<boolean>`end_user <> ''`]),
      ...(tag === undefined ? [] : [hasTag(tag)]),
    ]);
}

type NameColumn = "account" | "key_id" | "model" | "provider_id" | "end_user" | "dialect" | "endpoint";

function namesOf({ account, keyId, model, providerId, endUser, dialect, endpoint }: UsageFilter) {
  const names: Readonly<Record<NameColumn, string | undefined>> = {
    ...{ account, model, dialect, endpoint },
    key_id: keyId,
    provider_id: providerId,
    end_user: endUser,
  };
  return (Object.entries(names) as [NameColumn, string | undefined][]).filter(
    (each): each is [NameColumn, string] => each[1] !== undefined,
  );
}

/**
 * A member of the JSON in which tags are kept, as it stands there: behind the brace or a comma, which inside of a text
 * could only stand before a quote that is escaped. Both engines replace alike; they do not search alike.
 */
function hasTag({ name, value }: NonNullable<UsageFilter["tag"]>) {
  const member = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  const without = (text: string) => sql`replace(tags, ${text}, '')`;
  return sql<boolean>`(${without(`{${member}`)} <> tags OR ${without(`,${member}`)} <> tags)`;
}
