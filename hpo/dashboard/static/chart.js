// @ts-check
/** Small charts that are drawn at once: points, lines and steps on SVG. The large figures are plotly's. */

import { h, render } from "./dom.js";
import { short } from "./text.js";

/**
 * @typedef {object} Series
 * @property {"dots" | "line" | "steps"} kind
 * @property {number[][]} points x, y and, of a trial, its number
 * @property {string} tone a class that colours it
 * @property {string} [name]
 */
/**
 * @typedef {object} Chart
 * @property {Series[]} series
 * @property {number} height
 * @property {string} label what is shown, for who cannot see it
 * @property {{y: number, label: string} | null} [level]
 * @property {number[]} [xs] the least range of x
 * @property {boolean} [robust] whether a few far points may lie outside
 * @property {(point: number[], series: Series) => string} [tell] what is said of a point
 * @property {(number: number) => void} [pick] what a click on a point does
 */

const LEFT = 54;
const RIGHT = 14;
const TOP = 10;
const BOTTOM = 24;

/** @param {Chart} chart */
export function chart(chart) {
  return h("div.chart", {
    opaque: true,
    role: "img",
    "aria-label": chart.label,
    style: { height: `${chart.height}px` },
    mounted: (/** @type {any} */ el) => {
      el.chart = chart;
      el.observer = new ResizeObserver(() => draw(el, el.chart));
      el.observer.observe(el);
      draw(el, chart);
    },
    updated: (/** @type {any} */ el) => {
      if (el.chart.series !== chart.series) draw(el, chart);
      el.chart = chart;
    },
    removed: (/** @type {any} */ el) => el.observer.disconnect(),
  });
}

/** @param {any} el @param {Chart} chart */
function draw(el, chart) {
  const width = el.clientWidth;
  if (!width) return;
  const { height } = chart;
  const all = chart.series.flatMap((series) => series.points);
  if (!all.length) {
    render(el, []);
    return;
  }
  const [x0, x1] = span([...all.map((p) => p[0]), ...(chart.xs ?? [])]);
  const ys = all.map((p) => p[1]);
  if (chart.level) ys.push(chart.level.y);
  const [y0, y1] = padded(chart.robust ? robust(ys) : span(ys));
  const x = (/** @type {number} */ v) => LEFT + ((v - x0) / (x1 - x0 || 1)) * (width - LEFT - RIGHT);
  const y = (/** @type {number} */ v) => {
    const at = TOP + (1 - (v - y0) / (y1 - y0 || 1)) * (height - TOP - BOTTOM);
    return Math.min(Math.max(at, TOP - 4), height - BOTTOM + 4);
  };
  const yTicks = ticks(y0, y1, Math.max(2, Math.floor(height / 48)));
  const xTicks = ticks(x0, x1, Math.max(2, Math.floor(width / 110))).filter((v) => Number.isInteger(x1) ? Number.isInteger(v) : true);
  const digits = digitsFor(yTicks);
  render(el, [
    h("svg", { width, height, "aria-hidden": "true" },
      yTicks.map((v) => h("line.grid", { x1: LEFT, x2: width - RIGHT, y1: y(v), y2: y(v) })),
      yTicks.map((v) => h("text.tick", { x: LEFT - 8, y: y(v) + 4, "text-anchor": "end" }, label(v, digits))),
      xTicks.map((v) => h("text.tick", { x: x(v), y: height - 6, "text-anchor": "middle" }, short(v, 4))),
      chart.level && level(chart.level, chart.series, x(x0), x(x1), y, height - BOTTOM),
      chart.series.map((series) => shape(series, x, y, x1)),
      h("circle.cursor", { r: 0 }),
    ),
    h("div.tip", { role: "presentation", hidden: true }),
  ]);
  follow(el, chart, x, y, width);
}

/** @param {{y: number, label: string}} level @param {Series[]} series @param {number} a @param {number} b
 * @param {(v: number) => number} y @param {number} bottom */
function level(level, series, a, b, y, bottom) {
  // Its label is on the side where no line ends, if there is room.
  const above = series.some(({ kind, points }) => kind !== "dots" && points.length && points[points.length - 1][1] >= level.y);
  const under = above && y(level.y) + 18 < bottom;
  return [
    h("line.level", { x1: a, x2: b, y1: y(level.y), y2: y(level.y) }),
    h("text.tick", { x: b, y: y(level.y) + (under ? 13 : -5), "text-anchor": "end" }, level.label),
  ];
}

/** @param {Series} series @param {(v: number) => number} x @param {(v: number) => number} y @param {number} last */
function shape(series, x, y, last) {
  const { kind, points, tone } = series;
  if (!points.length) return null;
  const at = (/** @type {number[]} */ p) => `${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`;
  if (kind === "dots") {
    // Strokes without length: one element, however many points.
    return h(`path.dots.${tone}`, { d: points.map((p) => `M${at(p)}h0`).join(""), "stroke-width": points.length > 400 ? 4 : 6 });
  }
  if (kind === "steps") {
    const d = points.map((p, i) => (i ? `H${x(p[0]).toFixed(1)}V${y(p[1]).toFixed(1)}` : `M${at(p)}`)).join("");
    return h(`path.line.${tone}`, { d: `${d}H${x(last).toFixed(1)}` });
  }
  const end = points[points.length - 1];
  return [
    h(`path.line.${tone}`, { d: points.map((p, i) => `${i ? "L" : "M"}${at(p)}`).join("") }),
    h(`path.dots.${tone}`, { d: `M${at(end)}h0`, "stroke-width": 5 }),
  ];
}

/**
 * Say what is under the pointer.
 * @param {any} el @param {Chart} chart
 * @param {(v: number) => number} x @param {(v: number) => number} y @param {number} width
 */
function follow(el, chart, x, y, width) {
  const tip = el.querySelector(".tip");
  const cursor = el.querySelector(".cursor");
  const near = (/** @type {PointerEvent} */ event) => {
    const box = el.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    /** @type {{distance: number, point: number[], series: Series} | null} */
    let best = null;
    for (const series of chart.series) {
      for (const point of series.points) {
        const distance = (x(point[0]) - px) ** 2 + ((y(point[1]) - py) / 2) ** 2;
        if (!best || distance < best.distance) best = { distance, point, series };
      }
    }
    return best && best.distance < 1600 ? best : null;
  };
  el.onpointermove = (/** @type {PointerEvent} */ event) => {
    const found = near(event);
    tip.hidden = !found;
    cursor.setAttribute("r", found ? "5" : "0");
    if (!found) return;
    const [cx, cy] = [x(found.point[0]), y(found.point[1])];
    cursor.setAttribute("cx", String(cx));
    cursor.setAttribute("cy", String(cy));
    tip.textContent = chart.tell ? chart.tell(found.point, found.series) : short(found.point[1]);
    const w = tip.offsetWidth;
    tip.style.setProperty("left", `${Math.max(0, Math.min(cx - w / 2, width - w))}px`);
    tip.style.setProperty("top", `${cy > 46 ? cy - 38 : cy + 12}px`);
  };
  el.onpointerleave = () => {
    tip.hidden = true;
    cursor.setAttribute("r", "0");
  };
  el.onclick = (/** @type {PointerEvent} */ event) => {
    const found = near(event);
    if (found && chart.pick && found.point[2] !== undefined) chart.pick(found.point[2]);
  };
  el.classList.toggle("pickable", Boolean(chart.pick));
}

/**
 * A line without axes.
 * @param {number[][]} points @param {number} width @param {number} height
 */
export function sparkline(points, width, height) {
  if (points.length < 2) return h("svg.spark", { width, height, "aria-hidden": "true" });
  const [x0, x1] = span(points.map((p) => p[0]));
  const [y0, y1] = span(points.map((p) => p[1]));
  const x = (/** @type {number} */ v) => 2 + ((v - x0) / (x1 - x0 || 1)) * (width - 5);
  const y = (/** @type {number} */ v) => 3 + (1 - (v - y0) / (y1 - y0 || 1)) * (height - 6);
  const last = points[points.length - 1];
  return h("svg.spark", { width, height, "aria-hidden": "true" },
    h("path.line.trial", { d: points.map((p, i) => `${i ? "L" : "M"}${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join("") }),
    h("path.dots.trial", { d: `M${x(last[0]).toFixed(1)} ${y(last[1]).toFixed(1)}h0`, "stroke-width": 4 }));
}

/**
 * Results by a parameter's value, without axes: how a value matters, at a glance.
 * @param {number[][]} points place from 0 to 1, result, number
 * @param {number | null} best the number of the best trial
 * @param {number} width @param {number} height
 */
export function scatter(points, best, width, height) {
  const [y0, y1] = robust(points.map((p) => p[1]));
  const x = (/** @type {number} */ v) => 4 + v * (width - 8);
  const y = (/** @type {number} */ v) => {
    const part = Math.min(1, Math.max(0, (v - y0) / (y1 - y0 || 1)));
    return 4 + (1 - part) * (height - 8);
  };
  const at = (/** @type {number[]} */ p) => `M${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}h0`;
  const top = points.find((p) => p[2] === best);
  return h("svg.scatter", { width, height, "aria-hidden": "true" },
    h("line.grid", { x1: 4, x2: width - 4, y1: height - 0.5, y2: height - 0.5 }),
    h("path.dots.trial", { d: points.map(at).join(""), "stroke-width": points.length > 150 ? 2.5 : 3.5 }),
    top && h("path.dots.best", { d: at(top), "stroke-width": 7 }));
}

/** @param {number[]} values */
function span(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return low === high ? [low - (Math.abs(low) * 0.05 || 0.5), high + (Math.abs(high) * 0.05 || 0.5)] : [low, high];
}

/**
 * The span of most values: of what diverged, the axis shows no more than that it did.
 * @param {number[]} values
 */
export function robust(values) {
  if (values.length < 8) return span(values);
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.floor(sorted.length * 0.1)], sorted[Math.floor(sorted.length * 0.9)]];
  const reach = (high - low) * 2 || Math.abs(high) || 1;
  return span([Math.max(sorted[0], low - reach), Math.min(sorted[sorted.length - 1], high + reach)]);
}

/** @param {number[]} range */
function padded([low, high]) {
  const room = (high - low) * 0.06;
  return [low - room, high + room];
}

/** @param {number} low @param {number} high @param {number} most */
function ticks(low, high, most) {
  const raw = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= raw) ?? power * 10;
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i++) found.push(i * step);
  return found;
}

/** @param {number[]} values */
function digitsFor(values) {
  const step = values.length > 1 ? Math.abs(values[1] - values[0]) : 1;
  return Math.max(0, Math.min(10, -Math.floor(Math.log10(step))));
}

/** @param {number} value @param {number} digits */
function label(value, digits) {
  return Math.abs(value) >= 1e6 || digits > 6 ? short(value, 4) : value.toFixed(digits);
}
