// Prints the files of vitest's JSON report that failed, a line each, from the root of the repository.
import { readFileSync } from "node:fs";
import { relative } from "node:path";

const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
for (const { name, status } of report.testResults) if (status === "failed") console.log(relative(".", name));
