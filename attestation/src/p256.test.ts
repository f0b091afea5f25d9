import { expect, it } from "vitest";
import { type Verifier, verifierOf } from "./p256.js";
import { newSoftwareKey, softwareSigner } from "./software-signer.js";

it("verifies by a key as well when thousands of others have been used since", async () => {
  const signers = [softwareSigner(newSoftwareKey()), softwareSigner(newSoftwareKey())];
  const message = new TextEncoder().encode("a message");
  const [mine, other] = await Promise.all(signers.map((signer) => signer.sign(message)));
  const [verifier, crowd] = signers.map(({ publicKey }) => verifierOf(publicKey) as Verifier);
  for (let index = 0; index < 3_000; index += 1) verifierOf(crowd?.publicKey ?? new Uint8Array());
  expect(verifier?.verify(message, mine ?? new Uint8Array())).toBe(true);
  expect(verifier?.verify(message, other ?? new Uint8Array())).toBe(false);
  expect(crowd?.verify(message, other ?? new Uint8Array())).toBe(true);
});
