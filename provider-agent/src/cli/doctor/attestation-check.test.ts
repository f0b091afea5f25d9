import { describe, expect, it } from "vitest";
import { AgentError } from "../../platform/agent-error.js";
import type { CheckSubject } from "./check.js";
import { attestationCheck } from "./local-checks.js";

const never = new AbortController().signal;

interface Machine {
  readonly platform: NodeJS.Platform;
  readonly enclaveHelper?: string;
  /** Where its key is; an error = it cannot sign. */
  readonly storage: "software" | "secure_enclave" | Error;
}

function check({ platform, enclaveHelper, storage }: Machine) {
  const show = async (): Promise<unknown> => {
    if (typeof storage === "object") throw storage;
    return { key_storage: storage };
  };
  const subject = {
    platform,
    settings: { dataDir: "/data", enclaveHelper },
    ports: { attest: async () => ({ show }) },
  };
  return attestationCheck.run(subject as unknown as CheckSubject, never);
}

describe("the check of the attestation key", () => {
  it("is content with a software key where there is nothing better", async () => {
    const detail = "signs: a software key, in a file for you only";
    expect(await check({ platform: "linux", storage: "software" })).toEqual({ status: "ok", detail });
  });

  it("tells the owner of a Mac about the helper, and is content when it answers", async () => {
    const fix = expect.stringContaining("hearth-agent config set attestation.enclave_helper");
    expect(await check({ platform: "darwin", storage: "software" })).toMatchObject({ status: "warn", fix });
    const detail = "signs, in the Secure Enclave, by /opt/helper";
    const helped = { platform: "darwin", enclaveHelper: "/opt/helper", storage: "secure_enclave" } as const;
    expect(await check(helped)).toEqual({ status: "ok", detail });
  });

  it("says how to mend a helper that does not answer, and a key file that cannot be read", async () => {
    const storage = new AgentError("config_invalid", "it is spoilt");
    expect(await check({ platform: "darwin", enclaveHelper: "/opt/helper", storage })).toMatchObject({
      status: "fail",
      detail: "it is spoilt",
      fix: expect.stringContaining("correct attestation.enclave_helper"),
    });
    expect(await check({ platform: "linux", storage })).toMatchObject({
      status: "fail",
      fix: expect.stringContaining("Move the key file in /data away"),
    });
  });

  it("never costs a machine its identity for a disk that is full, or for what is not known", async () => {
    const full = new AgentError("data_unusable", "its disk is full (ENOSPC); free some space");
    for (const storage of [full, new Error("?")]) {
      const found = await check({ platform: "linux", storage });
      expect(found).toMatchObject({ status: "fail", fix: expect.stringContaining("leave the key file where it is") });
    }
    expect(await check({ platform: "darwin", enclaveHelper: "/opt/helper", storage: full })).toMatchObject({
      detail: full.message,
      fix: expect.not.stringContaining("helper"),
    });
  });
});
