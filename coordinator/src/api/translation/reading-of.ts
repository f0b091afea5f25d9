import { type EventDialectName, grammarOf, readWhole } from "@hearth/dialects";
import type { RequestFrame } from "@hearth/protocol";
import type { OutboundForm } from "../../dispatch/outbound-request.js";

/** How the answer of a backend comes, and how it is read: as its events, or as the one body that an agent folds them to. */
export function readingOf(
  dialect: EventDialectName,
  delivery: RequestFrame["delivery"],
): Pick<OutboundForm, "format" | "readEvent"> {
  switch (delivery) {
    case "interactive":
      return { format: "events", readEvent: grammarOf(dialect).read };
    case "whole":
      return { format: "body", readEvent: (data) => readWhole(dialect, data) };
  }
}
