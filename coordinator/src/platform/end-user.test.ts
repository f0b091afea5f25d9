import { expect, it } from "vitest";
import { endUserDigest, isEndUserDigest, MAX_END_USER } from "./end-user.js";

it("is what an account can make itself: printf 'anna\\nuser-42' | sha256sum | cut -c1-32", () => {
  expect(endUserDigest("anna", "user-42")).toBe("usr_de93b98ad5e309ebeb5229d915b63c06");
});

it("is another one at another account", () => {
  expect(endUserDigest("ben", "user-42")).not.toBe(endUserDigest("anna", "user-42"));
});

it("looks at the beginning of a long name", () => {
  const long = "x".repeat(MAX_END_USER);
  expect(endUserDigest("anna", `${long}y`)).toBe(endUserDigest("anna", long));
  expect(endUserDigest("anna", long.slice(1))).not.toBe(endUserDigest("anna", long));
});

it("is known from a name", () => {
  expect(isEndUserDigest(endUserDigest("anna", "me@example.com"))).toBe(true);
  for (const name of ["me@example.com", "usr_42", ` ${endUserDigest("anna", "x")}`]) {
    expect(isEndUserDigest(name)).toBe(false);
  }
});
