// @ts-check
/** The plots: plotly draws what `hpo.figures` describes; parallel coordinates are our own. */

import { get, Refused } from "./api.js";
import { h } from "./dom.js";
import { parallel } from "./parallel.js";
import { currentLanguage, t } from "./text.js";

/** @type {Record<string, string>} */
const NAMES = {
  history: "History",
  front: "Front",
  importance: "Importance",
  slices: "Slices",
  items: "Items",
  parallel: "Parallel coordinates",
  contour: "Contour",
  curves: "Results on the way",
  rungs: "Rungs",
  lineage: "Lineage",
  edf: "Distribution",
  timeline: "Timeline",
};
const GAP = 1500; // milliseconds between two drawings: figures take the server some work

// Plotly sets a few styles as attributes, which the page's policy forbids; as properties they are the same.
const setAttribute = SVGElement.prototype.setAttribute;
SVGElement.prototype.setAttribute = function (name, value) {
  if (name === "style") this.style.cssText = value;
  else setAttribute.call(this, name, value);
};

/** @type {Promise<any> | null} */
let library = null;
/** Load plotly, and what differs between light and dark. */
function plotly() {
  library ??= Promise.all([
    get("/figures/templates"),
    new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = "/static/plotly.js";
      script.onload = resolve;
      script.onerror = () => reject(new Error(t("The server does not answer.")));
      document.head.append(script);
    }),
  ]).then(([templates]) => ({ Plotly: /** @type {any} */ (window).Plotly, templates })).catch((error) => {
    library = null;
    throw error;
  });
  return library;
}

/** @param {import("./main.js").Context} ctx @returns {import("./main.js").Page} */
export function plotsPage(ctx) {
  /** @type {{figures: string[], parameters: string[]} | null} */
  let available = null;
  /** @type {any} */
  let figure = null;
  /** @type {string | null} */
  let problem = null;
  let isHere = true;
  let isLoading = false;
  let isDue = false;
  let asking = new AbortController();
  let wake = () => {};
  const asked = () => new URLSearchParams(location.search);
  const chosen = () => {
    const wanted = asked().get("figure") ?? "";
    const kind = wanted === "slice" ? "slices" : wanted;
    return available?.figures.includes(kind) ? kind : (available?.figures[0] ?? "");
  };
  const load = async () => {
    isDue = true;
    if (isLoading || !isHere) return;
    isLoading = true;
    while (isDue && isHere) {
      isDue = false;
      const begun = performance.now();
      asking = new AbortController();
      const { signal } = asking;
      try {
        const found = await fetched(signal);
        if (!signal.aborted) [figure, problem] = [found, null];
      } catch (error) {
        if (!signal.aborted && (error instanceof Refused || !figure)) problem = /** @type {Error} */ (error).message;
      }
      ctx.redraw();
      if (!signal.aborted) await pause(Math.max(GAP, 3 * (performance.now() - begun)));
    }
    isLoading = false;
  };
  /** Wait for a while, and as long as nobody looks; but not when another figure is chosen. @param {number} time */
  const pause = (time) => new Promise((resolve) => {
    wake = () => resolve(undefined);
    setTimeout(() => (document.hidden ? document.addEventListener("visibilitychange", wake, { once: true }) : wake()), time);
  });
  const fetched = async (/** @type {AbortSignal} */ signal) => {
    available = await get(`/experiments/${ctx.id}/figures`, signal);
    const kind = chosen();
    if (!kind) return null;
    if (kind === "parallel") return { kind, data: await get(`/experiments/${ctx.id}/parallel`, signal) };
    const names = asked().getAll("name").map((name) => `name=${encodeURIComponent(name)}`).join("&");
    const [data, tools] = await Promise.all([get(`/experiments/${ctx.id}/figures/${kind}?${names}`, signal), plotly()]);
    return { kind, data, ...tools };
  };
  const choose = (/** @type {string} */ kind, /** @type {string[]} */ names = []) => {
    const url = new URLSearchParams([["figure", kind], ...names.map((name) => ["name", name])]);
    history.replaceState(null, "", `${location.pathname}?${url}`);
    figure = null;
    asking.abort();
    wake();
    void load();
    ctx.redraw();
  };
  const themed = () => { if (figure?.Plotly) figure = { ...figure }; ctx.redraw(); };
  addEventListener("theme", themed);
  if (asked().get("figure") !== "parallel") plotly().catch(() => {}); // while the server reads; who needs it hears of it
  void load();
  return {
    title: t("Plots"),
    hear: (change) => {
      if (change.connected || (change.experiment === ctx.id && change.store)) void load();
    },
    leave: () => {
      isHere = false;
      asking.abort();
      removeEventListener("theme", themed);
    },
    key: (event) => {
      const step = event.key === "j" ? 1 : event.key === "k" ? -1 : 0;
      if (!step || !available) return false;
      const at = available.figures.indexOf(chosen()) + step;
      if (available.figures[at]) choose(available.figures[at]);
      return true;
    },
    view: () => {
      const kind = chosen();
      return [
        h("h1.hidden", null, t("Plots")),
        h("div.plots", null,
          h("nav.kinds", { "aria-label": t("Plots") }, (available?.figures ?? []).map((name) =>
            h("button", { key: name, "aria-current": name === kind ? "true" : null, mounted: (/** @type {HTMLElement} */ el) => name === kind && el.scrollIntoView({ block: "nearest", inline: "center" }), onclick: () => choose(name) }, t(NAMES[name] ?? name)))),
          h("div.plot-area", null,
            problem && h("p.problem", { role: "alert" }, problem),
            available && !available.figures.length && h("div.empty", null, h("p", null, t("There is nothing to draw before a trial has run."))),
            available && kind && controls(kind, available.parameters, asked().getAll("name"), choose),
            figure && figure.kind === kind ? drawn(ctx, figure) : kind || !available ? h("p.loading", null, t("Loading…")) : null)),
      ];
    },
  };
}

/** @param {string} kind @param {string[]} parameters @param {string[]} names @param {(kind: string, names: string[]) => void} choose */
function controls(kind, parameters, names, choose) {
  const select = (/** @type {string} */ label, /** @type {string} */ value, /** @type {(name: string) => void} */ change, /** @type {string} */ none) =>
    h("label", null, `${label} `, h("select", { "aria-label": label, onchange: (/** @type {any} */ e) => change(e.target.value) },
      h("option", { value: "", selected: !value }, none), parameters.map((name) => h("option", { key: name, value: name, selected: name === value }, name))));
  if (kind === "slices") return h("div.controls", null, select(t("Parameter"), names[0] ?? "", (name) => choose(kind, name ? [name] : []), t("all")));
  if (kind !== "contour") return null;
  const [x, y] = names;
  const other = (/** @type {string} */ name) => parameters.find((each) => each !== name) ?? "";
  return h("div.controls", null,
    select("x", x ?? "", (name) => choose(kind, name ? [name, y && y !== name ? y : other(name)] : []), t("the two that matter most")),
    x && select("y", y ?? "", (name) => choose(kind, name ? [x === name ? other(name) : x, name] : []), t("the two that matter most")));
}

/** @param {import("./main.js").Context} ctx @param {any} figure */
function drawn(ctx, figure) {
  if (figure.kind === "parallel") return parallel(ctx, figure.data);
  const draw = (/** @type {any} */ el) => {
    if (el.figure === figure) return;
    el.figure = figure;
    const theme = document.documentElement.dataset.theme ?? "light";
    const { data, layout: described } = worded(figure.kind, structuredClone(figure.data));
    const layout = { ...described, template: figure.templates[theme], autosize: true };
    const least = Math.max(420, Math.min(640, innerHeight - 190));
    layout.height ??= least;
    delete layout.width;
    figure.Plotly.react(el, data, layout, { displayModeBar: false, responsive: true }).then(() => {
      if (el.isBound) return;
      el.isBound = true;
      el.on("plotly_click", (/** @type {any} */ event) => {
        const number = [event.points?.[0]?.customdata].flat()[0];
        if (Number.isInteger(number)) ctx.go(`/e/${ctx.id}/trials/${number}`);
      });
    });
  };
  return h("div.plotly-figure", { key: figure.kind, opaque: true, mounted: draw, updated: draw, removed: (/** @type {any} */ el) => figure.Plotly.purge(el), role: "img", "aria-label": t(NAMES[figure.kind] ?? figure.kind) });
}

/**
 * Say a figure's own words in the reader's language; names and values stay as the user wrote them.
 * @param {string} kind @param {{data: any[], layout: any}} figure
 */
function worded(kind, figure) {
  if (currentLanguage() === "en") return figure;
  const { data, layout } = figure;
  const axes = kind === "contour" ? [] : Object.keys(layout).filter((name) => /^[xy]axis/.test(name)).map((name) => layout[name].title);
  for (const title of [layout.title, layout.title?.subtitle, ...axes]) if (title?.text) title.text = phrase(title.text);
  if (kind === "history") for (const note of layout.annotations ?? []) note.text = phrase(note.text);
  for (const trace of data) {
    if (trace.name) trace.name = phrase(trace.name);
    trace.hovertemplate = trace.hovertemplate?.replace("trial %{customdata}", t("trial {}", "%{customdata}"));
    if (Array.isArray(trace.hovertext)) trace.hovertext = trace.hovertext.map((/** @type {string} */ text) => text.replace(/^<b>trial (\d+)/, (_, number) => `<b>${t("trial {}", number)}`));
  }
  return figure;
}

/** @param {string} text @returns {string} */
function phrase(text) {
  const [, before, passes] = /^(.*) after ([\d,]+) pass(?:es)?$/s.exec(text) ?? [];
  if (passes) return t("{0} after {1} passes", phrase(before), passes);
  const [, unit] = /^(\w+) since the first trial$/.exec(text) ?? [];
  if (unit) return t("{} since the first trial", t(unit));
  const [, words, count] = /^(.*) (\([\d,]+\))$/s.exec(text) ?? [];
  return count ? `${t(words)} ${count}` : t(text);
}
