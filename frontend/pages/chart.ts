/** Charts from data-chart: uPlot behind one function, with the interval drawn, axes titled, and the numbers as a table too. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { CLASS_COLORS } from "../styles/palette";

type Values = Array<number | null>;

interface ChartSeries {
  label: string;
  kind?: "line" | "bars" | "points";
  values: Values;
  low?: Values;
  high?: Values;
}

export interface ChartSpec {
  x: { label: string; kind?: "time" | "number" | "name"; values: Array<number | string> };
  y: { label: string; unit?: string; zero?: boolean };
  series: ChartSeries[];
}

/** Darker than the class palette where the paper is white: lines need 3:1. */
const LIGHT_COLORS = ["#1f6fd6", "#a86400", "#00806a", "#c8471a", "#7a4fd0", "#857b00"];

export function drawChart(host: HTMLElement): void {
  host.dataset["drawn"] = "";
  const spec = JSON.parse(host.dataset["chart"] ?? "{}") as ChartSpec;
  const height = Number(host.dataset["height"]) || 220;
  let plot = build(host, spec, height);
  const resize = new ResizeObserver(() => {
    if (!host.isConnected) return stop();
    if (host.clientWidth !== plot.width) plot.setSize({ width: host.clientWidth, height });
  });
  const redraw = () => {
    plot.destroy();
    plot = build(host, spec, height);
  };
  const stop = () => {
    resize.disconnect();
    document.removeEventListener("themechange", redraw);
    plot.destroy();
  };
  resize.observe(host);
  document.addEventListener("themechange", redraw);
  host.after(asTable(spec));
}

function build(host: HTMLElement, spec: ChartSpec, height: number): uPlot {
  const color = inkOf(host);
  const named = spec.x.kind === "name";
  const x = named ? spec.x.values.map((_, index) => index) : (spec.x.values as number[]);
  const data: Values[] = [x as number[]];
  const series: uPlot.Series[] = [{ label: spec.x.label, ...(named ? { value: (_: uPlot, at: number) => nameAt(spec, at) } : {}) }];
  const bands: uPlot.Band[] = [];
  const whiskers: Whisker[] = [];
  spec.series.forEach((one, index) => {
    const stroke = color.lines[index % color.lines.length] as string;
    // A bar of zero would be drawn as a line under the axis.
    data.push(one.kind === "bars" ? one.values.map((value) => value || null) : one.values);
    series.push({ label: one.label, stroke, width: one.kind === "points" ? 0 : 1.75, ...shapeOf(one, stroke), value: (_, value) => withUnit(spec, value) });
    if (one.low && one.high) {
      data.push(one.high, one.low);
      series.push({ label: `${one.label}, high`, class: "chart-edge", width: 0, points: { show: false } }, { label: `${one.label}, low`, class: "chart-edge", width: 0, points: { show: false } });
      // Between points nothing was measured: each has a whisker of its own, and only lines a band.
      if (one.kind === "points") whiskers.push({ high: series.length - 2, stroke });
      else bands.push({ series: [series.length - 2, series.length - 1], fill: `${stroke}2e` });
    }
  });
  const axis = { stroke: color.text, grid: { stroke: color.grid, width: 1 }, ticks: { stroke: color.grid, width: 1 }, font: color.font, labelFont: color.font, labelSize: 18 };
  return new uPlot(
    {
      width: host.clientWidth || 480,
      height,
      series,
      bands,
      hooks: { draw: [(plot: uPlot) => whiskers.forEach((one) => drawWhiskers(plot, one))] },
      legend: { show: spec.series.length > 1 },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: {
        x: { time: spec.x.kind === "time", range: () => xRange(spec) },
        y: { range: (_, low, high) => yRange(spec, low, high) },
      },
      axes: [
        { ...axis, label: spec.x.label, size: 32, ...(named ? { splits: () => x, values: (_: uPlot, at: number[]) => at.map((place) => nameAt(spec, place)) } : {}) },
        { ...axis, label: spec.y.unit ? `${spec.y.label} (${spec.y.unit})` : spec.y.label, size: 52, ...(areWhole(spec) ? { incrs: WHOLE_STEPS } : {}) },
      ],
    },
    data as uPlot.AlignedData,
    host,
  );
}

interface Whisker { high: number; stroke: string }

const WHISKER_PX = 8;
/** Of counts there are no halves: 1, 2, 5, 10, 20, 50, ... */
const WHOLE_STEPS = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

function drawWhiskers(plot: uPlot, { high, stroke }: Whisker): void {
  const { ctx } = plot;
  const half = (WHISKER_PX / 2) * devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.beginPath();
  plot.data[0].forEach((at, index) => {
    const [top, bottom] = [plot.data[high]?.[index], plot.data[high + 1]?.[index]];
    if (top == null || bottom == null) return;
    const x = plot.valToPos(at, "x", true);
    const [y0, y1] = [plot.valToPos(top, "y", true), plot.valToPos(bottom, "y", true)];
    for (const y of [y0, y1]) { ctx.moveTo(x - half, y); ctx.lineTo(x + half, y); }
    ctx.moveTo(x, y0);
    ctx.lineTo(x, y1);
  });
  ctx.stroke();
  ctx.restore();
}

function areWhole(spec: ChartSpec): boolean {
  return spec.series.every((one) => [...one.values, ...(one.low ?? []), ...(one.high ?? [])].every((value) => value === null || Number.isInteger(value)));
}

/** Bars reach half a step beyond the first and the last value, and so must the axis. */
function xRange(spec: ChartSpec): uPlot.Range.MinMax {
  const count = spec.x.values.length;
  if (spec.x.kind === "name") return [-0.6, count - 0.4];
  const [low, high] = [Number(spec.x.values[0] ?? 0), Number(spec.x.values[count - 1] ?? 1)];
  const alone = spec.x.kind === "time" ? 3600 : 1;
  const step = count > 1 ? (high - low) / (count - 1) : alone;
  const room = spec.series.some((one) => one.kind === "bars") || high === low ? step / 2 || alone / 2 : 0;
  return [low - room, high + room];
}

function shapeOf(one: ChartSeries, stroke: string): Partial<uPlot.Series> {
  if (one.kind === "bars") return { paths: uPlot.paths.bars?.({ size: [0.6, 64] }) ?? null, fill: `${stroke}b0`, points: { show: false } } as Partial<uPlot.Series>;
  if (one.kind === "points") return { points: { show: true, size: 6, fill: stroke } };
  return {};
}

function yRange(spec: ChartSpec, low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low === null || high === null) return [0, 1];
  const fromZero = spec.y.zero || spec.series.some((one) => one.kind === "bars");
  const bottom = fromZero ? Math.min(0, low) : low;
  const room = (high - bottom) * 0.08 || Math.abs(high) * 0.1 || 1;
  return [fromZero && bottom === 0 ? 0 : bottom - room, high + room];
}

function nameAt(spec: ChartSpec, place: number): string {
  return String(spec.x.values[place] ?? "");
}

function withUnit(spec: ChartSpec, value: number | null): string {
  if (value === null || value === undefined) return "–";
  return `${value.toLocaleString("en-US", { maximumFractionDigits: 3 })}${spec.y.unit ? ` ${spec.y.unit}` : ""}`;
}

function inkOf(host: HTMLElement): { text: string; grid: string; font: string; lines: readonly string[] } {
  const style = getComputedStyle(host);
  const dark = style.colorScheme === "dark" || (style.colorScheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  return {
    text: dark ? "#a9b4c2" : "#55606e",
    grid: dark ? "#39424f" : "#dfe3e9",
    font: `12px ${style.fontFamily}`,
    lines: dark ? CLASS_COLORS : LIGHT_COLORS,
  };
}

/** The same numbers for those who do not see the drawing, or who want to read one off. */
function asTable(spec: ChartSpec): HTMLElement {
  const details = document.createElement("details");
  const head = [spec.x.label, ...spec.series.flatMap((one) => (one.low ? [one.label, "low", "high"] : [one.label]))];
  const rows = spec.x.values.map((x, at) => [
    spec.x.kind === "time" ? new Date(Number(x) * 1000).toISOString().slice(0, 16).replace("T", " ") : String(x),
    ...spec.series.flatMap((one) => [one.values, one.low, one.high].filter((values) => values !== undefined).map((values) => withUnit(spec, values[at] ?? null))),
  ]);
  details.append(element("summary", "Numbers"));
  const table = element("table", "");
  table.className = "table";
  table.setAttribute("aria-label", "The numbers of the chart");
  table.append(row(head, "th"), ...rows.map((cells) => row(cells, "td")));
  const wrap = element("div", "");
  wrap.className = "table-wrap";
  wrap.append(table);
  details.append(wrap);
  return details;
}

function row(cells: string[], tag: "th" | "td"): HTMLElement {
  const line = element("tr", "");
  cells.forEach((cell, index) => {
    const place = element(tag, cell);
    if (tag === "th") place.setAttribute("scope", "col");
    if (index > 0) place.className = "num";
    line.append(place);
  });
  return line;
}

function element(tag: string, text: string): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}
