import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestCoordinator } from "../scripted/test-coordinator.js";
import { startBehindLlamaServer } from "./behind-llama-server.test-set-up.js";
import { GUARDED } from "./chat-templates.js";
import { RenderingFront, type TurnScript } from "./rendering-front.js";

/** A coordinator, and a real agent of its with a real llama-server that serves the model `pico`. */
export interface BehindTemplate extends AsyncDisposable {
  readonly hearth: TestCoordinator;
  readonly front: RenderingFront;
}

/**
 * @param template path of the server's chat template; absent = one with a guard
 * @param script what the model says
 */
export async function startBehindTemplate(template: string | undefined, script: TurnScript): Promise<BehindTemplate> {
  const dir = mkdtempSync(join(tmpdir(), "hearth-template-"));
  const guarded = join(dir, "guarded.jinja");
  writeFileSync(guarded, GUARDED);
  let started: RenderingFront | undefined;
  const front = async (origin: string): Promise<RenderingFront> => {
    started = await RenderingFront.start(origin, script);
    return started;
  };
  const args = ["--chat-template-file", template ?? guarded];
  const behind = await startBehindLlamaServer({ args, front });
  rmSync(dir, { recursive: true });
  if (started === undefined) throw new Error("nothing was put before the server");
  return { ...behind, front: started };
}
