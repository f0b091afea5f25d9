import { type ReactNode, useEffect, useReducer, useRef, useState } from "react";
import type { Provider } from "../api/types.js";
import { FLEET_STATES, type FleetState, stateOf } from "../format/fleet-state.js";
import { onThemeChange, resolvedColor } from "./theme-change.js";

/** Squares by how many there are, so that a small fleet is no speck and a large one no wall. */
const SIZES_PX = [
  { most: 60, size: 22 },
  { most: 600, size: 14 },
  { most: 2_500, size: 9 },
  { most: Number.POSITIVE_INFINITY, size: 5 },
] as const;
const GAP_PX = 2;

/** The fleet at a glance: one square a machine, in the order of its states. */
export function FleetMap({ providers }: { readonly providers: readonly Provider[] }): ReactNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(canvas);
  const [hovered, setHovered] = useState<string>();
  const [, repaint] = useReducer((n: number) => n + 1, 0);
  useEffect(() => onThemeChange(repaint), []);
  const states = Object.keys(FLEET_STATES) as FleetState[];
  const ordered = providers
    .map((provider) => ({ provider, state: stateOf(provider) }))
    .sort((a, b) => states.indexOf(a.state) - states.indexOf(b.state));
  const size = SIZES_PX.find(({ most }) => ordered.length <= most)?.size ?? 5;
  const step = size + GAP_PX;
  const columns = Math.max(1, Math.floor((width + GAP_PX) / step));
  const height = Math.max(step, Math.ceil(ordered.length / columns) * step);
  useEffect(() => {
    const target = canvas.current;
    const context = target?.getContext("2d");
    if (target == null || context == null || width === 0) return;
    const scale = devicePixelRatio;
    target.width = width * scale;
    target.height = height * scale;
    context.scale(scale, scale);
    const colors = new Map(states.map((state) => [state, resolvedColor(document.body, FLEET_STATES[state].color)]));
    for (const [n, { state }] of ordered.entries()) {
      context.fillStyle = colors.get(state) ?? "gray";
      context.beginPath();
      context.roundRect((n % columns) * step, Math.floor(n / columns) * step, size, size, Math.min(4, size / 4));
      context.fill();
    }
  });
  const told = states.map(
    (state) => `${ordered.filter((each) => each.state === state).length} ${FLEET_STATES[state].title.toLowerCase()}`,
  );
  return (
    <div className="fleet-map">
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Map of the fleet: ${told.join(", ")}`}
        style={{ height }}
        onMouseLeave={() => setHovered(undefined)}
        onMouseMove={({ nativeEvent: { offsetX, offsetY } }) => {
          const found = ordered[Math.floor(offsetY / step) * columns + Math.floor(offsetX / step)];
          setHovered(
            found && `${found.provider.name ?? found.provider.id.slice(0, 12)}: ${FLEET_STATES[found.state].words}`,
          );
        }}
      />
      <p className="hint" aria-hidden="true">
        {hovered ?? "One square a machine; point at one for its name."}
      </p>
    </div>
  );
}

function useWidth(canvas: React.RefObject<HTMLCanvasElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const target = canvas.current;
    if (target === null) return;
    const resized = new ResizeObserver(() => setWidth(target.clientWidth));
    resized.observe(target);
    return () => resized.disconnect();
  }, [canvas]);
  return width;
}
