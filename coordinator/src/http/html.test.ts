import { expect, it } from "vitest";
import { html } from "./html.js";

it("escapes text, takes markup as it is, and leaves out what is not there", () => {
  const inner = html`<b>${`"&'<>`}</b>`;
  expect(html`<p title="${'"x'}">${inner}${[inner, inner]}${undefined}</p>`.markup).toBe(
    `<p title="&quot;x">${"<b>&quot;&amp;&#39;&lt;&gt;</b>".repeat(3)}</p>`,
  );
});
