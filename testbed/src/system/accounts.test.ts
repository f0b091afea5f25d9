import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contentScript } from "../scripted/answers.js";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
