/**
 * Whether Ollama sends requests for a model of this name to its cloud, whatever lies on this machine: the tag is
 * `cloud`, or ends in `-cloud` (`internal/modelref/modelref.go`, August 2026).
 */
export function isCloudName(id: string): boolean {
  return /:(?:[^:/]*-)?cloud$/i.test(id.trim());
}
