import { expect, it } from "vitest";
import { isCloudName } from "./cloud-name.js";

it.each(["gpt-oss:120b-cloud", "qwen3.5:cloud", "gpt-oss:20b:cloud", "me/own:CLOUD", "kimi-k2:1t-Cloud"])(
  "%s is Ollama's name for what its cloud serves",
  (id) => expect(isCloudName(id)).toBe(true),
);

it.each(["qwen3:8b", "cloud", "soundcloud:latest", "org/model-cloud", "model:cloudy", "a:b-cloud/c"])(
  "%s is not",
  (id) => expect(isCloudName(id)).toBe(false),
);
