// Lists the processes that were started with the given mark in their environment, ends them, and fails if there are any.
import { processesMarked } from "./processes-marked.js";

const left = processesMarked(process.argv[2]);
for (const { pid, command } of left) {
  console.error(`left running: ${pid} ${command}`);
  process.kill(pid, "SIGKILL");
}
process.exitCode = left.length === 0 ? 0 : 1;
