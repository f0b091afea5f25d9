import type { RegisterFrame } from "@hearth/protocol";

/** A machine's identity, and its encryption key, base64url. */
export const MACHINE_KEY: string = Buffer.alloc(32, 9).toString("base64url");

/** What a machine that proves nothing and offers nothing says when it registers. */
export function registerFrame(changes: Partial<RegisterFrame> = {}): RegisterFrame {
  return {
    type: "register",
    versions: { min: 2, max: 2 },
    token: "t",
    agent: { version: "1.0.0" },
    identity: MACHINE_KEY,
    encryption_key: { key_id: "k", public_key: MACHINE_KEY },
    hardware: { platform: "test", arch: "test", cpu_cores: 1, memory_bytes: 0 },
    models: [],
    slots: [],
    ...changes,
  };
}
