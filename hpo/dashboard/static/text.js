// @ts-check
/** Words and numbers, as people read them. */

import { ZH } from "./zh.js";

/** @type {"en" | "zh"} */
let language = stored() ?? (navigator.language.startsWith("zh") ? "zh" : "en");

/** @returns {"en" | "zh" | null} */
function stored() {
  const value = localStorage.getItem("hpo.language");
  return value === "en" || value === "zh" ? value : null;
}

export function currentLanguage() {
  return language;
}

/** @param {"en" | "zh"} chosen */
export function setLanguage(chosen) {
  language = chosen;
  localStorage.setItem("hpo.language", chosen);
  document.documentElement.lang = chosen === "zh" ? "zh-CN" : "en";
}

/**
 * Say something in the reader's language; `{}` are filled in, in their order.
 * @param {string} english
 * @param {...(string | number)} values
 */
export function t(english, ...values) {
  const text = language === "zh" && Object.hasOwn(ZH, english) ? ZH[english] : english;
  let i = 0;
  return text.replace(/\{(\d?)\}/g, (_, index) => String(values[index === "" ? i++ : Number(index)]));
}

/**
 * Write a value: six significant digits are enough.
 * @param {any} value
 * @param {number} [digits]
 * @returns {string}
 */
export function short(value, digits = 6) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") {
    if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
    const size = Math.abs(value);
    const text = size !== 0 && (size < 1e-4 || size >= 1e9) ? value.toExponential(digits - 1) : value.toPrecision(digits);
    return text.replace(/(\.\d*?)0+(e|$)/, "$1$2").replace(/\.(e|$)/, "$1").replace("e+", "e");
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** @param {number | null | undefined} value */
export function signed(value) {
  return value === null || value === undefined ? "–" : `${value >= 0 ? "+" : "−"}${short(Math.abs(value), 4)}`;
}

/** @param {number | null | undefined} seconds */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  const pad = (/** @type {number} */ n) => String(n).padStart(2, "0");
  if (minutes < 60) return `${minutes}:${pad(Math.floor(seconds % 60))}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}:${pad(minutes % 60)}:${pad(Math.floor(seconds % 60))}`;
  return t("{} days {} h", Math.floor(hours / 24), hours % 24);
}

/** Write bytes as `--max-trial-memory` reads them: exactly. @param {number} count */
export function size(count) {
  const units = ["", "K", "M", "G", "T"];
  let unit = 0;
  while (unit < 4 && count >= 1024 && count % 1024 === 0) [count, unit] = [count / 1024, unit + 1];
  return `${count} ${units[unit]}`.trim();
}

/** @param {number | null | undefined} seconds since 1970 */
export function moment(seconds) {
  if (!seconds) return "–";
  const date = new Date(seconds * 1000);
  const isToday = date.toDateString() === new Date().toDateString();
  /** @type {Intl.DateTimeFormatOptions} */
  const time = { hour: "2-digit", minute: "2-digit", second: isToday ? "2-digit" : undefined };
  const locale = language === "zh" ? "zh-CN" : "en-GB";
  return isToday ? date.toLocaleTimeString(locale, time) : date.toLocaleString(locale, { day: "numeric", month: "short", ...time });
}

/** @type {Record<string, {glyph: string, words: string}>} */
export const STATES = {
  succeeded: { glyph: "●", words: "succeeded" },
  early_stopped: { glyph: "■", words: "stopped early" },
  failed: { glyph: "✕", words: "failed" },
  user_canceled: { glyph: "◆", words: "canceled" },
  system_canceled: { glyph: "◇", words: "ended with the experiment" },
  running: { glyph: "▲", words: "running" },
  interrupted: { glyph: "△", words: "interrupted" },
  waiting: { glyph: "○", words: "waiting" },
};

/** @type {Record<string, string>} */
export const FAILURES = {
  exception: "an exception",
  exit: "a nonzero exit status",
  signal: "a signal",
  oom: "out of memory",
  timeout: "took too long",
  no_result: "no result",
  bad_value: "a result that is no number",
  lost: "its process was lost",
};
