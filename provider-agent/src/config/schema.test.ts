import { expect, it } from "vitest";
import { KINDS } from "../backends/server-kinds.js";
import { USUAL_URLS } from "./schema.js";

it.each(Object.entries(USUAL_URLS))("supposes %s where the search looks for it", (kind, url) => {
  const { ports } = KINDS[kind as keyof typeof USUAL_URLS];
  expect(ports).toContain(Number(new URL(url).port));
});
