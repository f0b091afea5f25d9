/** APIs that the coordinator can also translate into chats. */
export const NATIVE_DIALECTS = ["responses", "messages"] as const;
export type NativeDialect = (typeof NATIVE_DIALECTS)[number];
