// Speaks the protocol of provider-agent/enclave/PROTOCOL.md with a key of its own, and breaks it as it is told:
// scripted-helper.mjs KEY_FILE FAULT [MARK_FILE]. With a mark file the fault happens in the first process only.
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [keyFile, fault, markFile] = process.argv.slice(2);
const healed = markFile !== undefined && existsSync(markFile);
if (markFile !== undefined) writeFileSync(markFile, "started", { flag: "a" });

const key = createPrivateKey(readFileSync(keyFile, "utf8"));
const publicKey = createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-65);
const posture = {
  sip: true,
  secure_boot: true,
  filevault: false,
  hypervisor: null,
  os_version: "macOS 15.5 (24F74)",
  chip: "Apple M4",
  serial: "C02TEST1234",
};

const answers = {
  hello: () => ({ version: fault === "version" ? 2 : 1 }),
  key: () => ({ public_key: publicKey.toString("base64") }),
  sign: ({ message }) => ({ signature: sign("sha256", Buffer.from(message, "base64"), key).toString("base64") }),
  posture: () => posture,
  attestation: () => ({ certificates: [Buffer.from("leaf").toString("base64"), Buffer.from("ca").toString("base64")] }),
};

/** Each writes what is wrong in place of an answer. */
const faults = {
  crash: () => process.exit(3),
  hang: () => {},
  garbage: () => process.stdout.write("{not json\n"),
  oversize: () => process.stdout.write("x".repeat(70_000)),
  "wrong-id": ({ id }) => write({ id: id + 1, ok: true, ...posture }),
  refuse: ({ id }) => write({ id, ok: false, error: "key_unavailable" }),
  "unknown-refusal": ({ id }) => write({ id, ok: false, error: "tired" }),
  malformed: ({ id }) => write({ id, ok: true, ...posture, sip: "yes", signature: "!", public_key: "AAAA" }),
  "wrong-signature": ({ id, op, ...rest }) => {
    const other = Buffer.from("another message").toString("base64");
    write({ id, ok: true, ...answers[op](op === "sign" ? { message: other } : rest) });
  },
  split: ({ id, op, ...rest }) => {
    const line = Buffer.from(`${JSON.stringify({ id, ok: true, ...answers[op](rest) })}\n`);
    process.stdout.write(line.subarray(0, 7), () => setImmediate(() => process.stdout.write(line.subarray(7))));
  },
};

const write = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

createInterface({ input: process.stdin }).on("line", (line) => {
  const question = JSON.parse(line);
  const fail = question.op === "hello" || healed ? undefined : faults[fault];
  if (fail !== undefined) fail(question);
  else write({ id: question.id, ok: true, ...answers[question.op](question) });
});
