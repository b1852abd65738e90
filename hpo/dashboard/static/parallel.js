// @ts-check
/** Parallel coordinates: a line for each trial; a range that is marked on an axis picks trials, for the table too. */

import { h } from "./dom.js";
import { follow } from "./main.js";
import { short, t } from "./text.js";

const TOP = 56;
const BOTTOM = 28;
const SIDE = 70;

/** The ranges that are marked, by the experiment and the axis. @type {Map<string, Map<string, [number, number]>>} */
const marked = new Map();

/** @param {import("./main.js").Context} ctx @param {any} data */
export function parallel(ctx, data) {
  const ranges = marked.get(ctx.id) ?? new Map();
  marked.set(ctx.id, ranges);
  const picked = data.trials.filter((/** @type {any} */ trial) => fits(trial, data.axes, ranges));
  const filter = [filterOf(data.axes, ranges), "state=succeeded", data.budget !== null && `budget=${data.budget}`].filter(Boolean).join(" ");
  return h("figure.parallel", null,
    h("figcaption", null, h("h2", null, t("Parallel coordinates")),
      h("p.note", { role: "status" }, ranges.size
        ? [t("{} of {} trials are in the marked ranges.", picked.length, data.trials.length), " ",
          h("a", { href: `/e/${ctx.id}/trials?filter=${encodeURIComponent(filter)}`, onclick: follow }, t("Show them in the table")), " ",
          h("button.text", { onclick: () => { ranges.clear(); ctx.redraw(); } }, t("Clear"))]
        : t("Drag along an axis to mark a range; the axes are in the order of importance."),
        data.budget !== null && ` ${t("Trials of one budget are compared: {} passes.", data.budget)}`)),
    h("div.parallel-scroll", { tabindex: "0", role: "region", "aria-label": t("Parallel coordinates") },
      h("div.parallel-area", {
        opaque: true,
        style: { "min-width": `${data.axes.length * 110}px` },
        mounted: (/** @type {any} */ el) => {
          el.observer = new ResizeObserver(() => draw(el, el.data, ranges, ctx));
          el.observer.observe(el);
          el.data = data;
        },
        updated: (/** @type {any} */ el) => {
          el.data = data;
          draw(el, data, ranges, ctx);
        },
        removed: (/** @type {any} */ el) => el.observer.disconnect(),
      })));
}

/** @param {any} trial @param {any[]} axes @param {Map<string, [number, number]>} ranges */
function fits(trial, axes, ranges) {
  return axes.every((axis, i) => {
    const range = ranges.get(axis.name);
    return !range || (trial.places[i] !== null && trial.places[i] >= range[0] && trial.places[i] <= range[1]);
  });
}

/** Return what picks the same trials in the table. @param {any[]} axes @param {Map<string, [number, number]>} ranges */
function filterOf(axes, ranges) {
  const terms = [];
  const quote = (/** @type {any} */ text) => (/[\s",<>=!:]/.test(text) ? `"${text}"` : text);
  for (const axis of axes) {
    const range = ranges.get(axis.name);
    if (!range) continue;
    if (axis.options) {
      const kept = axis.options.filter((/** @type {any} */ _, /** @type {number} */ i) => inside((i + 0.5) / axis.options.length, range));
      terms.push(`${quote(axis.name)}=${kept.map((/** @type {any} */ v) => quote(typeof v === "string" ? v : JSON.stringify(v))).join(",") || "—"}`);
    } else {
      if (range[0] > 0) terms.push(`${quote(axis.name)}>=${short(valueAt(axis, range[0]), 5)}`);
      if (range[1] < 1) terms.push(`${quote(axis.name)}<=${short(valueAt(axis, range[1]), 5)}`);
    }
  }
  return terms.join(" ");
}

/** @param {number} place @param {[number, number]} range */
function inside(place, range) {
  return place >= range[0] && place <= range[1];
}

/** @param {any} axis @param {number} place */
function valueAt(axis, place) {
  if (axis.log) return Math.exp(Math.log(axis.low) + place * (Math.log(axis.high) - Math.log(axis.low)));
  return axis.low + place * (axis.high - axis.low);
}

/** @param {any} el @param {any} data @param {Map<string, [number, number]>} ranges @param {import("./main.js").Context} ctx */
function draw(el, data, ranges, ctx) {
  const width = el.clientWidth;
  if (!width) return;
  const height = Math.max(380, Math.min(560, innerHeight - 260));
  const scale = devicePixelRatio || 1;
  const canvas = el.querySelector("canvas") ?? el.appendChild(document.createElement("canvas"));
  Object.assign(canvas, { width: width * scale, height: height * scale });
  canvas.style.setProperty("width", `${width}px`);
  canvas.style.setProperty("height", `${height}px`);
  const style = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  const x = (/** @type {number} */ i) => SIDE + (i * (width - 2 * SIDE)) / Math.max(1, data.axes.length - 1);
  const y = (/** @type {number} */ place) => TOP + (1 - place) * (height - TOP - BOTTOM);
  const last = data.axes.length - 1;
  const sign = data.direction === "maximize" ? 1 : -1;
  for (const trial of data.trials) {
    const isPicked = fits(trial, data.axes, ranges);
    const quality = sign > 0 ? trial.places[last] : 1 - trial.places[last];
    pen.globalAlpha = isPicked ? (data.trials.length > 400 ? 0.35 : 0.6) : 0.06;
    pen.strokeStyle = isPicked ? shade(quality) : colour("--muted");
    pen.lineWidth = isPicked ? 1.2 : 1;
    pen.beginPath();
    let isDown = false;
    trial.places.forEach((/** @type {number | null} */ place, /** @type {number} */ i) => {
      const py = place === null ? height - BOTTOM + 12 : y(place);
      if (isDown) {
        const px = (x(i - 1) + x(i)) / 2;
        const before = trial.places[i - 1];
        pen.bezierCurveTo(px, before === null ? height - BOTTOM + 12 : y(before), px, py, x(i), py);
      } else pen.moveTo(x(i), py);
      isDown = true;
    });
    pen.stroke();
  }
  pen.globalAlpha = 1;
  pen.font = `12px ${colour("--sans")}`;
  data.axes.forEach((/** @type {any} */ axis, /** @type {number} */ i) => {
    pen.strokeStyle = colour("--muted");
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x(i), y(0));
    pen.lineTo(x(i), y(1));
    pen.stroke();
    const range = ranges.get(axis.name);
    if (range) {
      pen.fillStyle = colour("--accent");
      pen.globalAlpha = 0.28;
      pen.fillRect(x(i) - 8, y(range[1]), 16, y(range[0]) - y(range[1]));
      pen.globalAlpha = 1;
    }
    pen.textAlign = "center";
    write(pen, colour("--text"), colour("--paper"), clipped(pen, axis.name === "value" && i === last ? t("result") : axis.name, 104), x(i), TOP - 34);
    pen.textAlign = i === last ? "left" : "right";
    for (const [place, text] of axis.ticks.length > 14 ? axis.ticks.filter((/** @type {any} */ _, /** @type {number} */ k) => k % Math.ceil(axis.ticks.length / 12) === 0) : axis.ticks) {
      write(pen, colour("--muted"), colour("--paper"), clipped(pen, text, i ? Math.max(62, x(1) - x(0) - 34) : 62), x(i) + (i === last ? 7 : -7), y(place) + 4);
    }
    if (data.trials.some((/** @type {any} */ trial) => trial.places[i] === null)) {
      write(pen, colour("--muted"), colour("--paper"), t("inactive"), x(i) - 7, height - BOTTOM + 16);
    }
  });
  el.onpointerdown = (/** @type {PointerEvent} */ event) => {
    const box = el.getBoundingClientRect();
    const px = event.clientX - box.left;
    const i = data.axes.findIndex((/** @type {any} */ _, /** @type {number} */ k) => Math.abs(x(k) - px) < 22);
    if (i < 0) return;
    event.preventDefault();
    const place = (/** @type {PointerEvent} */ e) => Math.min(1, Math.max(0, 1 - (e.clientY - box.top - TOP) / (height - TOP - BOTTOM)));
    const begin = place(event);
    el.setPointerCapture(event.pointerId);
    ranges.delete(data.axes[i].name);
    el.onpointermove = (/** @type {PointerEvent} */ e) => {
      const end = place(e);
      if (Math.abs(end - begin) > 0.01) ranges.set(data.axes[i].name, [Math.min(begin, end), Math.max(begin, end)]);
      ctx.redraw();
    };
    el.onpointerup = () => {
      el.onpointermove = null;
      ctx.redraw();
    };
    ctx.redraw();
  };
}

/**
 * Write over the lines, so that it can be read.
 * @param {any} pen @param {string} ink @param {string} paper @param {string} text @param {number} x @param {number} y
 */
function write(pen, ink, paper, text, x, y) {
  pen.strokeStyle = paper;
  pen.lineWidth = 4;
  pen.lineJoin = "round";
  pen.strokeText(text, x, y);
  pen.fillStyle = ink;
  pen.fillText(text, x, y);
}

/** From the worst to the best, in the colours that the other figures have. @param {number} quality */
function shade(quality) {
  const stops = /** @type {[number, number[]][]} */ ([[0, [93, 127, 181]], [0.35, [31, 117, 203]], [0.7, [160, 113, 88]], [1, [213, 122, 18]]]);
  const at = Math.min(1, Math.max(0, quality));
  const k = Math.max(1, stops.findIndex(([stop]) => stop >= at));
  const [[a, from], [b, to]] = [stops[k - 1], stops[k]];
  const part = (at - a) / (b - a);
  return `rgb(${from.map((c, i) => Math.round(c + part * (to[i] - c))).join(",")})`;
}

/** @param {any} pen @param {string} text @param {number} width */
function clipped(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  let kept = text;
  while (kept.length > 1 && pen.measureText(`${kept}…`).width > width) kept = kept.slice(0, -1);
  return `${kept}…`;
}
