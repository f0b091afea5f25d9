import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { modelPlaces } from "./model-places.js";
import { type ScanReport, scanModels } from "./scan-models.js";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hearth-scan-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(file: string, content = "x"): string {
  const path = join(root, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const scan = (...places: string[]): Promise<ScanReport> =>
  scanModels({ places: places.map((place) => join(root, place)) });
const ids = ({ models }: ScanReport): string[] => models.map(({ id }) => id).sort();

describe("scanModels", () => {
  it("finds GGUF files, split ones once, with the projector beside them", async () => {
    put("lm/pub/one/One-Q4.gguf", "12345");
    put("lm/pub/two/two-00002-of-00002.gguf", "123");
    put("lm/pub/two/two-00001-of-00002.gguf", "12");
    put("lm/pub/two/mmproj-two-f16.gguf");
    put("lm/readme.md");
    const report = await scan("lm");
    expect(report).toEqual({ models: expect.anything(), problems: [], truncated: false });
    expect(report.models).toEqual([
      {
        ...{ id: "One-Q4", format: "gguf", path: join(root, "lm/pub/one/One-Q4.gguf") },
        ...{ files: [join(root, "lm/pub/one/One-Q4.gguf")], weightsBytes: 5, projector: undefined, vision: false },
      },
      {
        ...{ id: "two", format: "gguf", path: join(root, "lm/pub/two/two-00001-of-00002.gguf"), weightsBytes: 5 },
        files: [1, 2].map((part) => join(root, `lm/pub/two/two-0000${part}-of-00002.gguf`)),
        ...{ projector: join(root, "lm/pub/two/mmproj-two-f16.gguf"), vision: true },
      },
    ]);
  });

  it("reports a split model of which a part is missing, and does not offer it", async () => {
    const path = put("m/a-00002-of-00003.gguf");
    expect(await scan("m")).toEqual({
      models: [],
      problems: [{ path, problem: "2 of its parts are missing" }],
      truncated: false,
    });
  });

  it("finds folders of safetensors, and takes the weights that the index names", async () => {
    put("mlx/mlx-community/Tiny-4bit/config.json", '{"model_type":"llama","vision_config":{}}');
    put("mlx/mlx-community/Tiny-4bit/model-1.safetensors", "123");
    put("mlx/mlx-community/Tiny-4bit/consolidated.safetensors", "123456");
    put("mlx/mlx-community/Tiny-4bit/model.safetensors.index.json", '{"weight_map":{"a":"model-1.safetensors"}}');
    put("mlx/no-model/config.json", "{}");
    const { models } = await scan("mlx");
    const path = join(root, "mlx/mlx-community/Tiny-4bit");
    const files = [join(path, "model-1.safetensors")];
    expect(models).toEqual([
      {
        ...{ id: "mlx-community/Tiny-4bit", format: "safetensors", path, files },
        ...{ weightsBytes: 3, projector: undefined, vision: true },
      },
    ]);
  });

  it.skipIf(process.platform === "win32")("follows a hub cache's links, to what `main` stands for", async () => {
    const repo = "hub/models--org--Model-GGUF";
    put(`${repo}/refs/main`, "rev2");
    for (const revision of ["rev1", "rev2"]) {
      const blob = put(`${repo}/blobs/blob-${revision}`, revision);
      mkdirSync(join(root, repo, "snapshots", revision), { recursive: true });
      symlinkSync(blob, join(root, repo, "snapshots", revision, `${revision}.gguf`));
    }
    put("hub/models--org--Mlx/snapshots/abc/config.json", "{}");
    put("hub/models--org--Mlx/snapshots/abc/model.safetensors");
    symlinkSync(join(root, "gone"), join(root, "hub/models--org--Mlx/snapshots/broken.gguf"));
    expect(ids(await scan("hub"))).toEqual(["org/Mlx", "rev2"]);
  });

  it.skipIf(process.platform === "win32")("is not led in circles by links, nor to a model twice", async () => {
    put("m/a/model.gguf");
    symlinkSync(join(root, "m"), join(root, "m/a/back"));
    symlinkSync(join(root, "m/a"), join(root, "m/b"));
    expect(await scan("m", "m/a")).toMatchObject({ models: [{ id: "model" }], problems: [], truncated: false });
  });

  it.skipIf(process.platform === "win32" || process.getuid?.() === 0)(
    "reports a folder that it may not read",
    async () => {
      put("m/closed/model.gguf");
      put("m/open.gguf");
      chmodSync(join(root, "m/closed"), 0);
      const report = await scan("m");
      chmodSync(join(root, "m/closed"), 0o700);
      expect(report).toMatchObject({ models: [{ id: "open" }], problems: [{ problem: "EACCES" }] });
    },
  );

  it("reports a place that is no folder", async () => {
    const path = put("m/file");
    expect(await scan("m/file")).toEqual({ models: [], problems: [{ path, problem: "ENOTDIR" }], truncated: false });
  });

  it.skipIf(process.platform === "win32")("reports a file whose download is under way", async () => {
    mkdirSync(join(root, "m"));
    symlinkSync(join(root, "gone"), join(root, "m/model.gguf"));
    expect(await scan("m")).toMatchObject({ models: [], problems: [{ problem: "ENOENT" }] });
  });

  it("passes over places that do not exist, and says when folders are too deep", async () => {
    expect(await scan("none")).toEqual({ models: [], problems: [], truncated: false });
    put(`${"d/".repeat(20)}deep.gguf`);
    expect(await scan("d")).toMatchObject({ models: [], truncated: true });
  });

  it("tells how far it is, and stops when told to", async () => {
    put("m/a/a.gguf");
    put("m/b/b.gguf");
    const asker = new AbortController();
    const seen: number[] = [];
    const onProgress = ({ folders }: { readonly folders: number }): void => {
      seen.push(folders);
      if (folders === 2) asker.abort();
    };
    const report = await scanModels({ places: [join(root, "m")], signal: asker.signal, onProgress });
    expect(report).toMatchObject({ models: [{ id: "a" }], truncated: true });
    expect(seen).toEqual([1, 2]);
  });
});

describe("modelPlaces", () => {
  it("knows where programs keep models, and what moves them elsewhere", () => {
    expect(modelPlaces({ platform: "linux", home: "/h", env: {} })).toEqual([
      join("/h", ".cache", "llama.cpp"),
      join("/h", ".lmstudio", "models"),
      join("/h", ".cache", "lm-studio", "models"),
      join("/h", ".cache", "huggingface", "hub"),
    ]);
    const env = { LLAMA_CACHE: "/l", HF_HOME: "/f" };
    const moved = modelPlaces({ platform: "linux", home: "/h", env });
    expect([moved[0], moved[3]]).toEqual(["/l", join("/f", "hub")]);
    expect(modelPlaces({ platform: "darwin", home: "/h", env: {} })[0]).toBe(
      join("/h", "Library", "Caches", "llama.cpp"),
    );
  });
});
