/**
 * The child's program. It belongs to its parent alone: it ends at once when the parent does, and in order when it is
 * told to, but not on the signals of a terminal or a service manager: the parent gets those, too, and may want to drain.
 */
import {
  type ChildMessage,
  type LoadFailure,
  loadFailureSchema,
  parentMessageSchema,
  type StartOptions,
} from "./messages.js";
import type { ModelServer } from "./serve.js";

let server: Promise<ModelServer | undefined> | undefined;

process.on("disconnect", endAtOnce);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);

process.on("message", (raw) => {
  const message = parentMessageSchema.parse(raw);
  switch (message.type) {
    case "start":
      server ??= start(message.options);
      break;
    case "stop":
      void stop();
      break;
  }
});

if (!process.connected) {
  process.stderr.write("This is the child of @hearth/engine; it is started with startEngine().\n");
  process.exit(2);
}

async function start(options: StartOptions): Promise<ModelServer | undefined> {
  try {
    // llama.cpp's binding is loaded only now, so that a machine on which it does not load is told so.
    const { serveModel } = await import("./serve.js");
    const started = await serveModel(options, (line) => void send({ type: "log", line }));
    await send({ type: "ready", port: started.port });
    return started;
  } catch (error) {
    await send({ type: "failed", code: failureCode(error), message: error instanceof Error ? error.message : "" });
    process.exit(1);
  }
}

/** An error that is not the loader's own comes from loading the program. */
function failureCode(error: unknown): LoadFailure {
  const code = loadFailureSchema.safeParse(error instanceof Error && "code" in error ? error.code : undefined);
  return code.success ? code.data : "engine_unavailable";
}

async function stop(): Promise<void> {
  const started = await server;
  await started?.stop();
  process.exit(0);
}

function send(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve());
    else resolve();
  });
}

/** Nothing here is worth saving, and a native thread in the middle of a batch must not hold the end up. */
function endAtOnce(): void {
  process.kill(process.pid, "SIGKILL");
}
