// @ts-check
/** One trial: its values, its curve, what it writes as it writes it, and how it ended. */

import { get, getPiece, Refused, repeated, send } from "./api.js";
import { chart } from "./chart.js";
import { sureDialog } from "./dialogs.js";
import { h } from "./dom.js";
import { plain } from "./logs.js";
import { follow } from "./main.js";
import { heading, tryValues } from "./overview.js";
import { duration, FAILURES, moment, short, signed, STATES, t } from "./text.js";
import { stateCell } from "./trials.js";

const MOST = 400_000; // characters of a log that are kept
const STREAMS = /** @type {const} */ (["stdout", "stderr"]);
const TONES = ["trial", "best", "c3", "c4", "c5", "c6", "c7", "c8"];

/** @param {import("./main.js").Context} ctx @param {number} number @returns {import("./main.js").Page} */
export function trialPage(ctx, number) {
  const base = `/experiments/${ctx.id}/trials/${number}`;
  /** @type {any} */
  let trial = null;
  /** @type {any} */
  let figure = null;
  /** @type {string | null} */
  let problem = null;
  /** @type {"stdout" | "stderr"} */
  let stream = "stdout";
  let isHere = true;
  const logs = { stdout: logOf(), stderr: logOf() };
  /** @type {Attempt | null} */
  let chosen = null; // null: the newest
  let read = ""; // of which attempt the logs are
  const shownAttempt = () => chosen ?? trial.attempts.at(-1);
  const readAttempt = () => {
    const { run, number: attempt } = shownAttempt();
    if (read === `${run}.${attempt}`) return;
    read = `${run}.${attempt}`;
    Object.assign(logs, { stdout: logOf(), stderr: logOf() });
    loadLogs();
  };
  const load = repeated(async () => {
    if (!isHere) return;
    try {
      trial = await get(base);
      readAttempt();
      figure = [{ kind: "line", points: trial.intermediate, tone: trial.best ? "best" : "trial" }];
      problem = null;
    } catch (error) {
      if (error instanceof Refused || !trial) problem = /** @type {Error} */ (error).message; // else the line above says it
    }
    ctx.redraw();
  });
  const loadLogs = repeated(async () => {
    if (!isHere || !trial) return;
    const { run, number: attempt, last } = shownAttempt();
    const which = `run=${run}${last ? "" : `&attempt=${attempt}`}`;
    await ctx.attempt(() => Promise.all(STREAMS.map((name) => grow(logs[name], `${base}/logs/${name}?${which}`))));
    if (!logs.stdout.text && logs.stderr.text && !logs.stdout.isSeen) stream = "stderr";
    ctx.redraw();
  });
  load();
  return {
    title: t("trial {}", number),
    hear: (change) => {
      const isOurs = change.experiment === ctx.id;
      if (change.connected || (isOurs && change.store)) load();
      if (change.connected || (isOurs && change.trials?.includes(number))) loadLogs();
    },
    leave: () => { isHere = false; },
    key: (event) => {
      const step = event.key === "j" ? 1 : event.key === "k" ? -1 : 0;
      if (!step || !trial || number + step < 0 || number + step > trial.last) return false;
      ctx.go(`/e/${ctx.id}/trials/${number + step}`, true);
      return true;
    },
    view: () => {
      if (problem) return [h("div.empty", null, h("h1", null, t("This cannot be shown")), h("p", null, problem))];
      if (!trial) return [h("p.loading", null, t("Loading…"))];
      return [
        title(ctx, trial),
        facts(ctx, trial),
        h("div.columns", null,
          h("section", null, heading(t("Results on the way"), trial.steps ? (trial.steps === 1 ? t("1 report") : t("{} reports", trial.steps)) : null), curve(trial, figure)),
          h("section", null, heading(t("Parameters")), parameters(trial))),
        h("section", null,
          h("div.heading", null, h("h2", null, t("Output")), h("div.switch", { role: "tablist", "aria-label": t("Output") }, STREAMS.map((name) =>
            h("button", { key: name, role: "tab", "aria-selected": String(name === stream), onclick: () => { stream = name; logs.stdout.isSeen = true; ctx.redraw(); } }, name, logs[name].size ? h("span.note", null, ` ${bytes(logs[name].size)}`) : ""))),
            trial.attempts.length > 1 && attemptChoice(trial.attempts, chosen, (attempt) => { chosen = attempt; readAttempt(); ctx.redraw(); })),
          output(logs[stream], stream)),
        trial.events.length > 0 && h("section", null, heading(t("Events")), h("ul.plain", null, trial.events.map((/** @type {any} */ event, /** @type {number} */ i) =>
          h("li", { key: i }, h("span.muted", null, moment(event.time)), " ", h("strong", { class: event.kind }, t(event.kind)), " ", event.message)))),
      ];
    },
  };
}

// -- output

function logOf() {
  return { text: "", end: 0, size: 0, isCut: false, isSeen: false, decoder: new TextDecoder() };
}

/** @param {ReturnType<typeof logOf>} log @param {string} path */
async function grow(log, path) {
  for (;;) {
    const piece = await getPiece(log.end ? `${path}&offset=${log.end}` : path);
    if (piece.size < log.end) Object.assign(log, logOf()); // another attempt has begun
    else {
      if (!log.end) log.isCut = piece.offset > 0;
      log.text += log.decoder.decode(piece.bytes, { stream: true });
      log.end = piece.offset + piece.bytes.length;
      log.size = piece.size;
      if (log.text.length > MOST) [log.text, log.isCut] = [log.text.slice(-MOST), true];
      if (log.end >= piece.size || !piece.bytes.length) return;
    }
  }
}

/** @typedef {{ run: number, number: number, last: boolean }} Attempt */

/** @param {Attempt[]} attempts @param {Attempt | null} chosen @param {(attempt: Attempt | null) => void} choose */
function attemptChoice(attempts, chosen, choose) {
  const newest = attempts.length - 1;
  const at = chosen ? attempts.findIndex((each) => each.run === chosen.run && each.number === chosen.number) : newest;
  const hasRuns = attempts[newest].run > 0;
  return h("label.of-attempt", null, `${t("Attempt")} `, h("select", { "aria-label": t("Attempt"), onchange: (/** @type {any} */ e) => choose(Number(e.target.value) === newest ? null : attempts[Number(e.target.value)]) },
    attempts.map(({ run, number }, i) => h("option", { key: `${run}.${number}`, value: String(i), selected: i === at }, hasRuns ? t("{} of run {}", number, run + 1) : String(number)))));
}

/** @param {ReturnType<typeof logOf>} log @param {string} name */
function output(log, name) {
  const stick = (/** @type {HTMLElement} */ el) => { if (/** @type {any} */ (el).isAtEnd !== false) el.scrollTop = el.scrollHeight; };
  return h("pre.log", {
    key: name, tabindex: "0", "aria-label": name, mounted: stick, updated: stick,
    onscroll: (/** @type {any} */ e) => { e.target.isAtEnd = e.target.scrollTop + e.target.clientHeight > e.target.scrollHeight - 24; },
  }, log.isCut ? `${t("… the beginning is left out")}\n` : "", plain(log.text) || h("span.muted", null, t("Nothing yet.")));
}

/** @param {number} n */
function bytes(n) {
  return n < 1000 ? `${n} B` : n < 1e6 ? `${(n / 1e3).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`;
}

// -- the trial

/** @param {import("./main.js").Context} ctx @param {any} trial */
function title(ctx, trial) {
  const base = `/experiments/${ctx.id}/trials/${trial.number}`;
  const isRunning = trial.state === "running";
  const kill = () => ctx.attempt(async () => {
    await send("POST", `${base}/kill`);
    ctx.say(t("The trial is told to end."));
  });
  const rerun = () => ctx.attempt(async () => {
    const { effect } = await send("POST", `${base}/rerun`);
    ctx.say(effect === "now" ? t("These values run next.") : t("These values run when the experiment is resumed."));
  });
  const near = (/** @type {number} */ n, /** @type {string} */ text, /** @type {string} */ label) => n >= 0 && n <= trial.last &&
    h("a.step", { href: `/e/${ctx.id}/trials/${n}`, onclick: follow, "aria-label": label }, text);
  return h("div.head", null,
    h("div.head-text", null,
      h("h1", null, near(trial.number - 1, "‹", t("The trial before")), t("Trial {}", trial.number), near(trial.number + 1, "›", t("The next trial"))),
      h("p.sub", null, stateCell(trial.state), trial.best && h("span.tag", null, t("best")), trial.origin !== "tuner" && h("span.tag.plain", null, t(trial.origin))),
      trial.detail && (trial.failure
        ? h("p.failure", null, h("strong", null, t(FAILURES[trial.failure] ?? trial.failure)), " ", trial.detail)
        : h("p.sub", null, trial.detail))),
    h("div.acts", null,
      isRunning && h("button.danger", { onclick: () => ctx.ask(() => sureDialog(t("End this trial?"), t("It counts as canceled. The experiment goes on."), t("Kill"), kill, () => ctx.ask(null))) }, t("Kill")),
      h("button", { onclick: rerun }, t("Run again")),
      h("button", { onclick: () => tryValues(ctx, trial.parameters) }, t("Try a changed copy…")),
      h("a.button", { href: `/api${base}/code`, download: "" }, t("Code"))));
}

/** @param {import("./main.js").Context} ctx @param {any} trial */
function facts(ctx, trial) {
  const gain = trial.baseline?.value !== null && trial.baseline && trial.value !== null && trial.baseline.number !== trial.number ? trial.value - trial.baseline.value : null;
  const fact = (/** @type {string} */ label, /** @type {any} */ value, /** @type {any} */ note = "") => h("div.figure", { key: label }, h("span.label", null, label), h("span.value", null, value), note && h("span.note", null, note));
  return h("div.strip", null,
    fact(t("Value"), short(trial.value), gain === null ? "" : t("{} against the defaults", signed(gain))),
    fact(t("Duration"), duration(trial.duration), trial.started ? moment(trial.started) : ""),
    trial.attempt > 1 && fact(t("Attempt"), String(trial.attempt)),
    trial.node && fact(t("Node"), trial.node),
    trial.device.length > 0 && fact(t("Device"), trial.device.map((/** @type {number} */ d) => `GPU ${d}`).join(", ")),
    trial.budget !== null && fact(t("Budget"), short(trial.budget), trial.rung === null ? "" : t("rung {}", trial.rung)),
    trial.parent !== null && fact(t("Parent"), h("a", { href: `/e/${ctx.id}/trials/${trial.parent}`, onclick: follow }, String(trial.parent))));
}

/** @param {any} trial @param {any} figure */
function curve(trial, figure) {
  if (!trial.intermediate.length) return h("p.none", null, t("It reported nothing on the way."));
  return chart({ series: figure, height: 240, label: t("Results on the way"), tell: (point) => `${t("step {}", point[0])}  ${short(point[1])}` });
}

/** @param {any} trial */
function parameters(trial) {
  const own = trial.baseline?.number === trial.number ? null : trial.baseline?.parameters;
  return h("div.scroll", { tabindex: "0", role: "region", "aria-label": t("Parameters") }, h("table.pairs.values", null, h("tbody", null,
    Object.entries(trial.parameters).map(([name, value]) => h("tr", { key: name },
      h("th", { scope: "row", title: name }, name), h("td.strong", { title: short(value) }, short(value)),
      h("td.muted", null, own && Object.hasOwn(own, name) && JSON.stringify(own[name]) !== JSON.stringify(value) ? t("own {}", short(own[name])) : ""))))));
}

/** @param {import("./main.js").Context} ctx @param {any[]} trials */
export function sideBySide(ctx, trials) {
  const names = [...new Set(trials.flatMap((trial) => Object.keys(trial.parameters)))];
  const differs = (/** @type {string} */ name) => new Set(trials.map((trial) => JSON.stringify(trial.parameters[name]))).size > 1;
  const row = (/** @type {string} */ label, /** @type {(trial: any) => any} */ show, tone = "") => h("tr", { key: label, class: tone }, h("th", { scope: "row", title: label }, label), trials.map((trial) => h("td.number", { key: trial.number }, show(trial))));
  const curves = trials.map((trial, i) => ({ kind: /** @type {const} */ ("line"), points: trial.intermediate, tone: TONES[i], name: t("trial {}", trial.number) })).filter((s) => s.points.length);
  return h("div.compared", null,
    h("div.scroll", { tabindex: "0", role: "region", "aria-label": t("Trials side by side") }, h("table.rows.tight", null,
      h("thead", null, h("tr", null, h("td"), trials.map((trial, i) => h("th.number", { key: trial.number, scope: "col" },
        h("i.dot", { class: TONES[i], "aria-hidden": "true" }), h("a", { href: `/e/${ctx.id}/trials/${trial.number}`, onclick: follow }, t("trial {}", trial.number)))))),
      h("tbody", null,
        row(t("Value"), (x) => short(x.value), "strong"),
        row(t("State"), (x) => t(STATES[x.state].words)),
        row(t("Duration"), (x) => duration(x.duration)),
        names.map((name) => row(name, (x) => (Object.hasOwn(x.parameters, name) ? short(x.parameters[name]) : ""), differs(name) ? "differs" : "muted"))))),
    curves.length > 0 && chart({ series: curves, height: 220, label: t("Results on the way"), tell: (point, series) => `${series.name}, ${t("step {}", point[0])}: ${short(point[1])}` }));
}
