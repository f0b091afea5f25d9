import { GATE_WORDS, GATES, type Gate } from "@hearth/protocol";
import { z } from "zod";

/** A closed gate as people read it. */
export const gateSchema = z.object({
  gate: z.enum(GATES),
  words: z.string().meta({ description: "Behind 'it'." }),
  remedy: z.string().meta({ description: "What would open it." }),
});

export const describeGate = (gate: Gate): z.infer<typeof gateSchema> => ({
  gate,
  words: GATE_WORDS[gate].now,
  remedy: GATE_WORDS[gate].remedy,
});
