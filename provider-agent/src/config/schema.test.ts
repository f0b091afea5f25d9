import { expect, it } from "vitest";
import { SERVER_PROFILES } from "../backends/recognise-server.js";
import { USUAL_URLS } from "./schema.js";

it.each(Object.entries(USUAL_URLS))("supposes %s where the search looks for it", (kind, url) => {
  const { ports } = SERVER_PROFILES[kind as keyof typeof USUAL_URLS];
  expect(ports).toContain(Number(new URL(url).port));
});
