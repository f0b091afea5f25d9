// Loaded into a program that is measured (`node --import feature-hook.js?off=FEATURE`): turns a feature off in it.
import { isMainThread } from "node:worker_threads";
import { turnOff } from "./turn-off.js";

if (isMainThread) turnOff(new URL(import.meta.url).searchParams.get("off") ?? "");
