#!/usr/bin/env node

import { isSupervised, supervise } from "./supervisor/supervise.js";

// A supervisor is there as long as its agent is, and needs next to nothing: it loads nothing else.
if (isSupervised(process.argv.slice(2))) await supervise();
else await import("./command-line.js");
