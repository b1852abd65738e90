// @ts-check
/** The frame around every page: where one is, what is shown there, and the keys that work everywhere. */

import { get, listen, Refused, repeated } from "./api.js";
import { h, render } from "./dom.js";
import { comparePage } from "./compare.js";
import { listPage } from "./list.js";
import { overviewPage } from "./overview.js";
import { plotsPage } from "./plots.js";
import { sourcePage } from "./source.js";
import { currentLanguage, setLanguage, t } from "./text.js";
import { trialPage } from "./trial.js";
import { trialsPage } from "./trials.js";
import { keysDialog } from "./dialogs.js";

/**
 * @typedef {object} Page
 * @property {string} title
 * @property {() => any[]} view what is shown
 * @property {(change: import("./api.js").Change) => void} [hear] what to do where something changed
 * @property {(event: KeyboardEvent) => boolean | void} [key] what a key does; true where it does something
 * @property {() => void} [leave]
 */
/**
 * @typedef {object} Context
 * @property {string} id the experiment's, where there is one
 * @property {any} experiment what its overview says, once it is loaded
 * @property {() => void} redraw
 * @property {(url: string, replace?: boolean) => void} go
 * @property {(text: string, isError?: boolean) => void} say
 * @property {(dialog: (() => any) | null) => void} ask show a dialog, or none
 * @property {(work: () => Promise<any>) => Promise<any>} attempt do something, and say what goes wrong
 */

const TABS = [
  ["", "Overview", "o"],
  ["/source", "Source", "s"],
  ["/trials", "Trials", "t"],
  ["/plots", "Plots", "p"],
];

const root = /** @type {HTMLElement} */ (document.getElementById("page"));

/** @type {{page: Page | null, context: Context | null, path: string, isLost: boolean, isLocked: boolean, problem: string | null, message: {text: string, isError: boolean} | null, dialog: (() => any) | null}} */
const state = { page: null, context: null, path: "", isLost: false, isLocked: false, problem: null, message: null, dialog: null };

let isDue = false;
function redraw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    render(root, frame());
  });
}

// -- where one is

/** @param {string} url @param {boolean} [replace] */
function go(url, replace = false) {
  if (replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  arrive();
}

function arrive() {
  const path = location.pathname;
  if (path === state.path && state.page) {
    redraw();
    return;
  }
  state.page?.leave?.();
  state.path = path;
  state.dialog = null;
  const [, kind, id, tab, number] = path.split("/");
  const name = kind === "e" ? decodeURIComponent(id ?? "") : "";
  if (state.context?.id !== name || !state.context) {
    state.problem = null;
    state.context = context(name);
    if (name) loadExperiment();
  }
  state.page = pageFor(kind, tab, number, state.context);
  scrollTo(0, 0);
  redraw();
  document.getElementById("main")?.focus({ preventScroll: true });
}

/** @param {string} kind @param {string | undefined} tab @param {string | undefined} number @param {Context} ctx */
function pageFor(kind, tab, number, ctx) {
  if (kind === "compare") return comparePage(ctx);
  if (kind !== "e") return listPage(ctx);
  if (tab === "source") return sourcePage(ctx);
  if (tab === "trials") return number === undefined ? trialsPage(ctx) : trialPage(ctx, Number(number));
  if (tab === "plots") return plotsPage(ctx);
  return overviewPage(ctx);
}

/** @param {string} id @returns {Context} */
function context(id) {
  return {
    id,
    experiment: null,
    redraw,
    go,
    say,
    ask: (dialog) => {
      state.dialog = dialog;
      redraw();
    },
    attempt: async (work) => {
      try {
        return await work();
      } catch (error) {
        say(described(error), true);
        return undefined;
      }
    },
  };
}

/** @param {any} error */
export function described(error) {
  if (error instanceof Refused) return error.help ? `${error.message} — ${error.help}` : error.message;
  return t("The server does not answer.");
}

/** @type {number | undefined} */
let silence;
/** @param {string} text @param {boolean} [isError] */
function say(text, isError = false) {
  state.message = { text, isError };
  redraw();
  clearTimeout(silence);
  silence = setTimeout(() => {
    state.message = null;
    redraw();
  }, isError ? 9000 : 4000);
}

const loadExperiment = repeated(async () => {
  const ctx = state.context;
  if (!ctx?.id) return;
  try {
    ctx.experiment = await get(`/experiments/${ctx.id}`);
    state.problem = null;
  } catch (error) {
    if (!(error instanceof Refused)) return; // the line to the server says so
    state.problem = described(error);
  }
  redraw();
});

// -- what is shown

function frame() {
  const ctx = /** @type {Context} */ (state.context);
  const { page, experiment } = { page: state.page, experiment: ctx.experiment };
  document.title = [page?.title, experiment?.name ?? ctx.id, "hpo"].filter(Boolean).join(" · ");
  if (state.isLocked) return [locked()];
  return [
    h("a.skip", { href: "#main", onclick: skip }, t("Skip to the content")),
    h("header.bar", null, h("div.bar-in", null, place(ctx), ctx.id && tabs(ctx), tools())),
    state.isLost && h("p.lost", { role: "status" }, t("The server does not answer; what is shown may be old. `hpo web` starts it again.")),
    h("main", { id: "main", tabindex: "-1" }, state.problem ? problem(state.problem) : page?.view()),
    h("div.messages", { "aria-live": "polite" }, state.message && h("p.message", { class: state.message.isError ? "bad" : "" }, state.message.text)),
    state.dialog && state.dialog(),
  ];
}

/** @param {MouseEvent} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** @param {Context} ctx */
function place(ctx) {
  const status = ctx.experiment?.status;
  return h("nav.place", { "aria-label": t("Place") },
    h("a.brand", { href: "/", onclick: follow }, "hpo"),
    ctx.id && h("span.slash", { "aria-hidden": "true" }, "/"),
    ctx.id && h("a.name", { href: `/e/${ctx.id}`, onclick: follow, title: ctx.experiment?.name }, ctx.experiment?.name ?? ctx.id),
    status && h("span.status", { class: status }, t(status)),
  );
}

/** @param {Context} ctx */
function tabs(ctx) {
  const here = location.pathname.split("/")[3] ?? "";
  return h("nav.tabs", { "aria-label": t("Views") },
    TABS.map(([path, name]) =>
      h("a", { href: `/e/${ctx.id}${path}`, onclick: follow, "aria-current": `/${here}` === (path || "/") ? "page" : null }, t(name)),
    ));
}

function tools() {
  const isChinese = currentLanguage() === "zh";
  return h("div.tools", null,
    h("button.quiet", { onclick: switchLanguage, title: isChinese ? "English" : "中文", "aria-label": isChinese ? "Switch to English" : "切换到中文" }, isChinese ? "EN" : "ZH"),
    h("button.quiet", { onclick: switchTheme, title: t("Light or dark"), "aria-label": t("Light or dark") }, "◐"),
    h("button.quiet.keys", { onclick: showKeys, title: t("Keys"), "aria-label": t("Keys") }, "?"),
  );
}

/** @param {string} text */
function problem(text) {
  return h("div.empty", null, h("h1", null, t("This cannot be shown")), h("p", null, text), h("p", null, h("a", { href: "/", onclick: follow }, t("All experiments"))));
}

function locked() {
  return h("main.empty", { id: "main" }, h("h1", null, t("This page opens by its link")), h("p", null, t("Its session has ended. For a new link, run this where the experiments are:")), h("pre", null, "hpo web"));
}

/** @param {MouseEvent} event */
export function follow(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(/** @type {HTMLAnchorElement} */ (event.currentTarget).getAttribute("href") ?? "/");
}

// -- light and dark, languages, keys

function switchTheme() {
  const dark = document.documentElement.dataset.theme === "dark";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("hpo.theme", dark ? "light" : "dark");
  dispatchEvent(new CustomEvent("theme"));
}

function switchLanguage() {
  setLanguage(currentLanguage() === "zh" ? "en" : "zh");
  const ctx = /** @type {Context} */ (state.context);
  state.path = "";
  state.context = { ...ctx };
  arrive();
}

function showKeys() {
  state.dialog = () => keysDialog(() => {
    state.dialog = null;
    redraw();
  });
  redraw();
}

let prefix = "";
/** @param {KeyboardEvent} event */
function key(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const isTyping = target.closest("input, textarea, select, dialog");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (prefix === "g") {
    prefix = "";
    const tab = TABS.find(([, , letter]) => letter === event.key);
    if (event.key === "e") go("/");
    else if (tab && state.context?.id) go(`/e/${state.context.id}${tab[0]}`);
    return;
  }
  if (state.page?.key?.(event)) event.preventDefault();
  else if (event.key === "g") prefix = "g";
  else if (event.key === "?") showKeys();
  else if (event.key === "d") switchTheme();
}

function begin() {
  const chosen = localStorage.getItem("hpo.theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    document.documentElement.dataset.theme = localStorage.getItem("hpo.theme") ?? (system.matches ? "dark" : "light");
    dispatchEvent(new CustomEvent("theme"));
  };
  if (!chosen) system.addEventListener("change", apply);
  apply();
  setLanguage(currentLanguage());
  addEventListener("popstate", arrive);
  addEventListener("keydown", key);
  addEventListener("locked", () => {
    state.isLocked = true;
    redraw();
  });
  arrive();
  listen((change) => {
    if (change.lost || change.connected) {
      state.isLost = Boolean(change.lost);
      redraw();
    }
    if (change.lost) return;
    if (change.connected || (change.experiment === state.context?.id && change.store)) loadExperiment();
    state.page?.hear?.(change);
  });
}

begin();
