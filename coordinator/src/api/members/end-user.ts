import type { BackendDialect } from "@hearth/protocol";

/**
 * Who of its own users a consumer says that a request is for: OpenAI's `safety_identifier`, or `user`, which was there
 * before it; Anthropic's `metadata.user_id`. No provider gets it. What is no text says nothing.
 */
export function endUserOf(
  dialect: BackendDialect,
  { safety_identifier, user, metadata }: Readonly<Record<string, unknown>>,
): { readonly endUser?: string } {
  const ofMetadata =
    dialect === "messages" && typeof metadata === "object" && metadata !== null && "user_id" in metadata;
  const names = [ofMetadata ? metadata.user_id : undefined, safety_identifier, user];
  const name = names.find((each) => typeof each === "string" && each !== "");
  return name === undefined ? {} : { endUser: name as string };
}
