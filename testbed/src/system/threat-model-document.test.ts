import { existsSync, readFileSync } from "node:fs";
import type { ProofFailure } from "@hearth/attestation";
import { CLOSE_CODES, GATES } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
// Not of the package's interface: the vocabularies in which attacks are told and counted.
import { ENROLMENT_EVENTS } from "../../../coordinator/src/enrolment/enrolment-events.js";
import type { ErrorCode, SealedErrorCode } from "../../../coordinator/src/platform/errors.js";
import { createMetrics } from "../../../coordinator/src/platform/metrics.js";

const ROOT = new URL("../../../", import.meta.url);
const DOCUMENT = readFileSync(new URL("docs/threat-model.md", ROOT), "utf8");

// Records rather than lists, so that the compiler finds what is missing.
const PROOF_FAILURES = Object.keys({
  bad_key: true,
  bad_signature: true,
  malformed: true,
  mismatch: true,
  outside_window: true,
  replayed: true,
  wrong_challenge: true,
  bad_posture: true,
  serial_mismatch: true,
  bad_chain: true,
  too_often: true,
} satisfies Record<ProofFailure, true>);
const SEALED_CODES = Object.keys({
  sealed_wrong_key: true,
  sealed_expired: true,
  sealed_malformed: true,
  sealed_tampered: true,
  sealed_replayed: true,
  sealed_unavailable: true,
} satisfies Record<SealedErrorCode, true>);
const ERRORS: readonly ErrorCode[] = [
  "trust_unavailable",
  "provider_error",
  "no_provider",
  "not_found",
  "invalid_request",
  "invalid_api_key",
  "rate_limit_exceeded",
  "upload_timeout",
  "payload_too_large",
  "answer_not_kept",
];
const VOCABULARY = new Set<string>([
  ...Object.keys(CLOSE_CODES),
  ...PROOF_FAILURES,
  "missed",
  "missing",
  "unexpected",
  "more_than_possible",
  ...ENROLMENT_EVENTS,
  ...GATES,
  ...SEALED_CODES,
  ...ERRORS,
]);

interface Row {
  readonly attack: string;
  readonly outcome: string;
  readonly tests: readonly { readonly file: string; readonly name: string }[];
}

/** The rows of every table of the part about attacks. */
function attacks(): readonly Row[] {
  const part = DOCUMENT.slice(DOCUMENT.indexOf("\n## Attacks\n"), DOCUMENT.indexOf("\n## What is not protected\n"));
  const rows = part.split("\n").filter((line) => line.startsWith("| "));
  return rows.flatMap((line) => {
    const [attack = "", , outcome = "", test = ""] = line.slice(1, -1).split(" | ");
    if (test.trim() === "test" || /^-+$/.test(test.trim())) return [];
    const named = [...test.matchAll(/`([^`]+)` "([^"]+)"/g)];
    const tests = named.map(([, file = "", name = ""]) => ({ file, name }));
    return [{ attack: attack.trim(), outcome, tests }];
  });
}

/** Each file is read once; one that is not there is empty. */
const sources = new Map<string, string>();
function sourceOf(file: string): string {
  const url = new URL(file, ROOT);
  const known = sources.get(file);
  if (known !== undefined) return known;
  const source = existsSync(url) ? readFileSync(url, "utf8") : "";
  sources.set(file, source);
  return source;
}

const words = (text: string): readonly string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);

describe("docs/threat-model.md", () => {
  const rows = attacks();

  it("has its tables where they are looked for", () => {
    expect(rows.length).toBeGreaterThan(60);
  });

  it("names for every attack a test that there is", () => {
    const missing = rows.flatMap(({ attack, tests }) => {
      if (tests.length === 0) return [`${attack}: no test`];
      const absent = tests.filter(({ file, name }) => !sourceOf(file).includes(`"${name}"`));
      return absent.map(({ file, name }) => `${attack}: ${file} "${name}"`);
    });
    expect(missing).toEqual([]);
  });

  it("calls every outcome by a name of the code", () => {
    const unknown = rows.flatMap(({ outcome }) => words(outcome)).filter((word) => !VOCABULARY.has(word));
    expect(unknown).toEqual([]);
  });

  it("leaves out no way in which a proof can fail", () => {
    const told = new Set(rows.flatMap(({ outcome }) => words(outcome)));
    expect(PROOF_FAILURES.filter((failure) => !told.has(failure))).toEqual([]);
  });

  it("speaks only of counters that there are", async () => {
    const metrics = await createMetrics().registry.metrics();
    const named = [...DOCUMENT.matchAll(/`(hearth_[a-z_]+)(?:\{([a-z,]+)\})?/g)].map(([, name = ""]) => name);
    expect(named.length).toBeGreaterThan(3);
    expect(named.filter((name) => !metrics.includes(`# TYPE ${name} `))).toEqual([]);
  });
});
