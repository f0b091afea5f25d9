import { expect, it } from "vitest";
import { formOf } from "./body-form.js";

it.each([
  ["data: {}", "text/event-stream", "events"],
  ["data: {}", "Text/Event-Stream; Charset=UTF-8", "events"],
  ["data: {}", "", "events"],
  ["data: {}", "text/plain", "events"],
  ["data: {}", "application/json", "events"],
  ["da", "", "events"],
  [": ping", "text/plain", "events"],
  ["event: x", "", "events"],
  ["", "text/event-stream", "events"],
  ["whatever", "text/event-stream", "events"],
  ['{"a":1}', "text/event-stream", "json"],
  ["[", "", "json"],
  ["<html>", "text/event-stream", "other"],
  ["Internal error", "text/plain", "other"],
  ["event horizon", "text/plain", "other"],
  ["", "", "other"],
] as const)("%j as %j is %s", (begun, contentType, form) => expect(formOf(begun, contentType)).toBe(form));
