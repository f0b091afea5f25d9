import type { Hono } from "hono";
import type { HttpEnv } from "../routing.js";
import type { ApiDocument } from "./api-document.js";
import { docsPage } from "./docs-page.js";
import { apiDocument } from "./document.js";

/** What somebody sees who tries the bare address. */
const WELCOME = {
  name: "Hearth",
  api: "/v1",
  docs: "/docs",
  openapi: "/openapi.json",
  health: "/health",
};

/** The description of an application's API, for programs and for people, made when somebody asks for it first. */
export function docsRoutes(app: Hono<HttpEnv>): void {
  let made: Promise<ApiDocument> | undefined;
  const document = (): Promise<ApiDocument> => {
    made ??= apiDocument(app);
    return made;
  };
  // Answers HEAD as well, with which some clients look whether anybody is there.
  app.get("/", (c) => c.json(WELCOME));
  app.get("/openapi.json", async (c) => c.json(await document()));
  app.get("/docs", async (c) => {
    c.header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
    return c.html(docsPage(await document()));
  });
}
