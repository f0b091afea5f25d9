import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** A browser that is installed here; `HEARTH_CHROMIUM` names another. */
export const CHROMIUM_PATH: string | undefined = [
  process.env["HEARTH_CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
].find((path) => path !== undefined && existsSync(path));

export const NO_CHROMIUM = "skipped: no Chromium here (set HEARTH_CHROMIUM to its program)";

if (CHROMIUM_PATH === undefined && process.env["HEARTH_REQUIRE_CHROMIUM"] === "1") {
  throw new Error("HEARTH_REQUIRE_CHROMIUM is set, and there is no Chromium here.");
}

/** Starts it without a window, and without its conversations with the outside. */
export function launchChromium(): Promise<Browser> {
  if (CHROMIUM_PATH === undefined) throw new Error(NO_CHROMIUM);
  return chromium.launch({
    executablePath: CHROMIUM_PATH,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
