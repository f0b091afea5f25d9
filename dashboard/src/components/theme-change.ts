/** Calls back whenever the page's colours may have changed. @returns what ends that */
export function onThemeChange(changed: () => void): () => void {
  const chosen = new MutationObserver(changed);
  chosen.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", changed);
  return () => {
    system.removeEventListener("change", changed);
    chosen.disconnect();
  };
}

/** A colour of the page as a canvas takes it: that knows no variables and no `light-dark()`, an element does. */
export function resolvedColor(within: HTMLElement, name: `--${string}`): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  within.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
