import { createHash } from "node:crypto";
import { fingerprintOf } from "@hearth/attestation";
import { html, raw } from "hono/html";
import type { DeviceGrant } from "../../enrolment/device-grants.js";
import { showUserCode } from "../../enrolment/user-code.js";
import { STYLE } from "./page-style.js";

/** Markup in which every text that was put in is escaped. */
type Html = ReturnType<typeof html>;

/** Somebody who has signed in on the page. The API key itself is not kept. */
export interface PageSession {
  readonly account: string;
  /** What every form of this session must carry. */
  readonly csrf: string;
}

/** What went wrong with what somebody entered, in words for them. */
export type Problem =
  | { readonly type: "wrong_key" }
  | { readonly type: "narrow_key" }
  | { readonly type: "malformed_code" }
  | { readonly type: "unknown_code" }
  | { readonly type: "blocked"; readonly retryAfterMs: number }
  | { readonly type: "stale_form" };

/** One state of the page. */
export type DevicePage =
  | { readonly type: "sign_in"; readonly userCode: string; readonly problem?: Problem | undefined }
  | {
      readonly type: "enter_code";
      readonly session: PageSession;
      readonly userCode: string;
      readonly problem?: Problem | undefined;
    }
  | {
      readonly type: "confirm";
      readonly session: PageSession;
      readonly grant: DeviceGrant;
      /** How long ago the machine asked. */
      readonly ageMs: number;
    }
  | {
      readonly type: "decided";
      readonly session: PageSession;
      readonly grant: DeviceGrant;
      readonly verdict: "approved" | "denied";
    };

const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

/** Goes with every answer of the page. Its forms go nowhere else, nothing frames it, and it runs nothing. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  "X-Frame-Options": "DENY",
  "X-Content-Type-Options": "nosniff",
  // Not "no-referrer": a browser then sends `Origin: null` with the page's own forms.
  "Referrer-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cache-Control": "no-store",
};

/** The page in one of its states, as a whole document. */
export function devicePage(page: DevicePage): Html {
  const session = page.type === "sign_in" ? undefined : page.session;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${titleOf(page)} · Hearth</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<header><strong>Hearth</strong>${session === undefined ? undefined : signedIn(session)}</header>
<main>
${bodyOf(page)}
</main>
<footer>A machine that you approve serves requests for your account until you revoke it.</footer>
</body>
</html>
`;
}

function titleOf(page: DevicePage): string {
  const wrong = "problem" in page && page.problem !== undefined ? "Error: " : "";
  switch (page.type) {
    case "sign_in":
      return `${wrong}Sign in`;
    case "enter_code":
      return `${wrong}Connect a machine`;
    case "confirm":
      return "Approve this machine?";
    case "decided":
      return page.verdict === "approved" ? "Machine approved" : "Machine denied";
  }
}

function bodyOf(page: DevicePage): Html {
  switch (page.type) {
    case "sign_in":
      return signInForm(page.userCode, page.problem);
    case "enter_code":
      return codeForm(page.userCode, page.problem);
    case "confirm":
      return confirmForm(page);
    case "decided":
      return decided(page);
  }
}

function signedIn({ account, csrf }: PageSession): Html {
  return html`<form method="post" action="/device/sign-out"><input type="hidden" name="csrf" value="${csrf}">
<span>${account}</span> <button class="plain">Sign out</button></form>`;
}

function signInForm(userCode: string, problem: Problem | undefined): Html {
  return html`<h1>Connect a machine</h1>
<p class="quiet">Sign in with an API key of the account that the machine will belong to. The key is used now and not kept.</p>
${problemNote(problem)}
<form method="post" action="/device/sign-in">
<input type="hidden" name="user_code" value="${userCode}">
<input type="text" value="Hearth API key" autocomplete="username" hidden>
<label for="api_key">API key</label>
<input id="api_key" name="api_key" type="password" required maxlength="512" autocomplete="current-password" autofocus spellcheck="false"${invalidMark(problem)}>
<div class="actions"><button class="primary">Sign in</button></div>
</form>`;
}

function codeForm(userCode: string, problem: Problem | undefined): Html {
  return html`<h1>Connect a machine</h1>
<p class="quiet" id="code_hint">Enter the code that the machine shows: 8 letters. Capitals and dashes do not matter.</p>
${problemNote(problem)}
<form method="get" action="/device" class="code">
<label for="user_code">Code</label>
<input id="user_code" name="user_code" value="${userCode}" required maxlength="32" placeholder="XXXX-XXXX" autocomplete="off" autocapitalize="characters" spellcheck="false" autofocus aria-describedby="code_hint"${invalidMark(problem)}>
<div class="actions"><button class="primary">Continue</button></div>
</form>`;
}

function confirmForm({ session, grant, ageMs }: Extract<DevicePage, { type: "confirm" }>): Html {
  const { request, address, userCode } = grant;
  const code = showUserCode(userCode);
  return html`<h1>Approve this machine?</h1>
<p class="quiet">It asks to serve requests for the account <strong>${session.account}</strong>. The machine must show this code:</p>
<p class="code-shown">${code}</p>
<dl>
<dt>Name</dt><dd>${request.name}</dd>
<dt>Platform</dt><dd>${request.platform}, agent ${request.agentVersion}</dd>
<dt>Fingerprint</dt><dd class="mono">${fingerprintOf(request.identity)}</dd>
<dt>Asked from</dt><dd>${address || "unknown"}, ${ago(ageMs)}</dd>
</dl>
<p class="note warn">Approve it only if you started this yourself. If somebody sent you the code or a link, deny it.</p>
<form method="post" action="/device/decide">
<input type="hidden" name="csrf" value="${session.csrf}">
<input type="hidden" name="user_code" value="${code}">
<div class="actions">
<button class="primary" name="verdict" value="approved">Approve</button>
<button class="secondary" name="verdict" value="denied">Deny</button>
</div>
</form>`;
}

function decided({ session, grant, verdict }: Extract<DevicePage, { type: "decided" }>): Html {
  const { name } = grant.request;
  const again = html`<p><a href="/device">Connect another machine</a></p>`;
  if (verdict === "denied") {
    return html`<h1>Machine denied</h1>
<p class="note warn" role="status"><strong>${name}</strong> was told no. It got no access.</p>${again}`;
  }
  return html`<h1>Machine approved</h1>
<p class="note good" role="status"><strong>${name}</strong> may serve for the account <strong>${session.account}</strong>. It notices within a few seconds; you can close this page.</p>${again}`;
}

function problemNote(problem: Problem | undefined): Html | undefined {
  if (problem === undefined) return undefined;
  return html`<p class="note bad" role="alert" id="problem">${problemText(problem)}</p>`;
}

function problemText(problem: Problem): string {
  switch (problem.type) {
    case "wrong_key":
      return "This API key is not valid. Check that all of it was pasted.";
    case "narrow_key":
      return "This API key may not add machines: it lacks the scope 'provider'. Sign in with one that has it.";
    case "malformed_code":
      return "This cannot be a code: codes have 8 letters and no vowels, like WDJB-MJHT.";
    case "unknown_code":
      return "No machine waits under this code. It may be mistyped, older than 15 minutes, or answered already. Let the machine show a new one.";
    case "blocked":
      return `Too many wrong codes. Try again in ${minutes(problem.retryAfterMs)}.`;
    case "stale_form":
      return "You were not signed in any more, or the form was not this page's own. Nothing was decided; please try again.";
  }
}

function invalidMark(problem: Problem | undefined): Html | undefined {
  return problem === undefined ? undefined : html` aria-invalid="true" aria-errormessage="problem"`;
}

function ago(ms: number): string {
  return ms < 60_000 ? "less than a minute ago" : `${minutes(ms - 59_999)} ago`;
}

function minutes(ms: number): string {
  const count = Math.max(1, Math.ceil(ms / 60_000));
  return count === 1 ? "1 minute" : `${count} minutes`;
}
