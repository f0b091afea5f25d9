/**
 * What each room of the web page may import: `pages → operators, owners, consumers → shell, components → format → api`. It
 * runs in browsers, so nothing of Node is here, and it knows the coordinator by its routes only.
 *
 * @type {Record<string, string[]>}
 */
export const DASHBOARD = {
  ".": [
    "./api",
    "./components",
    "./consumers",
    "./operators",
    "./owners",
    "./shell",
    "@tanstack/react-query",
    "lucide-react",
    "react",
    "react-dom",
    "wouter",
  ],
  api: ["@tanstack/react-query", "eventsource-parser"],
  format: ["./api"],
  components: [
    "./api",
    "./format",
    "@tanstack/react-query",
    "@tanstack/react-virtual",
    "lucide-react",
    "react",
    "uplot",
    "wouter",
  ],
  shell: ["./api", "./components", "./format", "@tanstack/react-query", "lucide-react", "react", "wouter"],
  operators: ["./api", "./components", "./format", "@tanstack/react-query", "react", "wouter"],
  owners: ["./api", "./components", "./format", "@tanstack/react-query", "react"],
  consumers: ["./api", "./components", "./format", "lucide-react", "react", "wouter"],
  "*.test.ts": ["fast-check", "vitest"],
};
