import { type ReactNode, useEffect, useRef } from "react";
import uPlot from "uplot";
import { dateOf } from "../format/times.js";
import { onThemeChange, resolvedColor } from "./theme-change.js";

export interface Series {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** One of the page's colours by its CSS variable's name. */
  readonly color: `--${string}`;
  readonly bars?: boolean;
}

interface ChartProps {
  readonly label: string;
  /** Seconds since 1970, ascending. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  readonly height?: number;
}

const HEIGHT_PX = 200;

/** A chart over time. Who cannot see it is told the last values instead. */
export function Chart({ label, times, series, format, height = HEIGHT_PX }: ChartProps): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const data: uPlot.AlignedData = [[...times], ...series.map(({ values }) => [...values])] as uPlot.AlignedData;
  const latest = useRef({ data, series, format, height });
  latest.current = { data, series, format, height };
  const shape = series.map(({ label: name, color, bars }) => `${name}${color}${bars}`).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another shape is another chart; new data go into the one that is there
  useEffect(() => {
    const within = box.current;
    if (within === null) return;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(within, latest.current), latest.current.data, within);
    };
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: within.clientWidth, height: latest.current.height }),
    );
    draw();
    resized.observe(within);
    // Its colours are read when it is drawn.
    const unwatch = onThemeChange(draw);
    return () => {
      unwatch();
      resized.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape]);
  // Whenever it is shown anew: it is told what there is, and finds out itself what of that is another.
  useEffect(() => plot.current?.setData(latest.current.data));
  const told = series.map(({ label: name, values }) => `${name}: ${lastOf(values, format)}`).join(", ");
  return (
    <figure className="chart">
      <figcaption>
        {series.map(({ label: name, color, values }) => (
          <span key={name} className="legend">
            <i style={{ background: `var(${color})` }} />
            {name} <b>{lastOf(values, format)}</b>
          </span>
        ))}
      </figcaption>
      <div ref={box} className="chart-box" role="img" aria-label={`${label}. Last: ${told}`} style={{ height }} />
    </figure>
  );
}

function lastOf(values: readonly (number | null)[], format: (value: number) => string): string {
  const value = values.at(-1);
  return value == null ? "–" : format(value);
}

type Drawn = Pick<ChartProps, "series" | "format"> & { readonly height: number };

function optionsOf(within: HTMLElement, { series, format, height }: Drawn): uPlot.Options {
  const style = getComputedStyle(within);
  const colorOf = (name: `--${string}`): string => resolvedColor(within, name);
  const axis = {
    stroke: colorOf("--muted"),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colorOf("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: within.clientWidth,
    height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, size: 28, space: 76, values: (_plot, splits) => timesText(splits) },
      { ...axis, size: 58, values: (_plot, splits) => splits.map((value) => format(value)) },
    ],
    series: [
      {},
      ...series.map(
        ({ label, color, bars }): uPlot.Series => ({
          label,
          stroke: colorOf(color),
          width: bars ? 0 : 2,
          points: { show: false },
          ...(bars
            ? { fill: colorOf(color), paths: uPlot.paths.bars?.({ size: [0.7, 48] }) as uPlot.Series.PathBuilder }
            : {}),
        }),
      ),
    ],
  };
}

const DAY_SECONDS = 86_400;
const SHORT_SECONDS = 900;

/** Days, times of the day or seconds, by how much time is shown. */
function timesText(splits: readonly number[]): string[] {
  const stretch = (splits.at(-1) ?? 0) - (splits[0] ?? 0);
  return splits.map((time) => {
    const date = dateOf(time);
    if (date === undefined) return "";
    if (stretch >= 2 * DAY_SECONDS) return date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
    const seconds = stretch < SHORT_SECONDS ? ({ second: "2-digit" } as const) : {};
    return date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", ...seconds });
  });
}
