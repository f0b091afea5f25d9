import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { npmInstall } from "./npm-install.js";

/** npm as it is used here, with a registry that says this of each package. */
async function installing(documents: Readonly<Record<string, object>>) {
  const asked: (string | undefined)[] = [];
  const registry = createServer(({ url }, answer) => {
    asked.push(url);
    const document = documents[url ?? ""];
    answer.writeHead(document === undefined ? 404 : 200, { "content-type": "application/json" });
    answer.end(JSON.stringify(document ?? {}));
  });
  registry.listen(0, "127.0.0.1");
  await once(registry, "listening");
  const origin = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`;
  try {
    return { asked, result: await npmInstall(["absent@1.0.0"], settings(origin)).catch((error: Error) => error) };
  } finally {
    registry.closeAllConnections();
    registry.close();
  }
}

const settings = (registry: string) => ({
  npm_config_registry: registry,
  npm_config_fetch_retries: "0",
  npm_config_offline: "false",
  npm_config_noproxy: "127.0.0.1",
});

it("fails, after a second try, where a registry answers and does not have what is to be tested", async () => {
  const npm = {
    name: "npm",
    "dist-tags": { latest: "1.0.0" },
    versions: { "1.0.0": { name: "npm", version: "1.0.0" } },
  };
  const { asked, result } = await installing({ "/npm": npm });
  expect(result).toMatchObject({ message: "npm could not install absent@1.0.0" });
  expect(asked.filter((url) => url === "/absent")).toHaveLength(2);
});

it("does without where no registry answers", async () => {
  expect(await npmInstall(["absent@1.0.0"], settings("http://127.0.0.1:9"))).toBeUndefined();
});
