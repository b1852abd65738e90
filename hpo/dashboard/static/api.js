// @ts-check
/** What the server says, and when it says that something changed. */

import { t } from "./text.js";

export class Refused extends Error {
  /** @param {number} status @param {{error?: string, help?: string | null}} body */
  constructor(status, body) {
    super(body.error ?? `HTTP ${status}`);
    this.status = status;
    this.help = body.help ?? null;
  }
}

/**
 * @param {string} path below /api
 * @param {RequestInit} [options]
 */
async function ask(path, options) {
  const response = await fetch(`/api${path}`, { credentials: "same-origin", ...options }).catch(() => {
    throw new Error(t("The server does not answer.")); // browsers say it each in their own way
  });
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  if (response.status === 401) dispatchEvent(new CustomEvent("locked"));
  throw new Refused(response.status, body);
}

/** @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
export async function get(path, signal) {
  return (await ask(path, { signal })).json();
}

/**
 * Read a piece of a log.
 * @param {string} path
 * @returns {Promise<{bytes: Uint8Array, offset: number, size: number}>}
 */
export async function getPiece(path) {
  const response = await ask(path);
  const number = (/** @type {string} */ name) => Number(response.headers.get(name) ?? 0);
  return { bytes: new Uint8Array(await response.arrayBuffer()), offset: number("X-Offset"), size: number("X-Size") };
}

/** @param {"POST" | "PATCH"} method @param {string} path @param {any} [body] @returns {Promise<any>} */
export async function send(method, path, body = {}) {
  const headers = { "Content-Type": "application/json" };
  return (await ask(path, { method, headers, body: JSON.stringify(body) })).json();
}

/**
 * @typedef {object} Change
 * @property {boolean} [connected] everything may be new
 * @property {boolean} [lost] the server does not answer
 * @property {boolean} [experiments] there are others than before
 * @property {string} [experiment] the one that changed
 * @property {boolean} [store]
 * @property {boolean} [log]
 * @property {number[]} [trials] whose output grew
 */

/**
 * Hear of changes. All tabs share one connection: browsers allow six for each server.
 * @param {(change: Change) => void} hear
 */
export function listen(hear) {
  if ("SharedWorker" in window) {
    const worker = new SharedWorker("/static/changes.js", { type: "module", name: "hpo changes" });
    worker.port.onmessage = (event) => hear(event.data);
    worker.port.start();
    addEventListener("pagehide", () => worker.port.postMessage("leave"));
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); }); // it has left
  } else {
    import("./changes.js").then((changes) => changes.connect(hear));
  }
}

/** @type {Set<() => void>} what is to be done once the page is looked at again */
const postponed = new Set();
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  const due = [...postponed];
  postponed.clear();
  for (const run of due) run();
});

/**
 * Run something again and again, never twice at a time, leaving the server some air; and not where nobody looks.
 * @param {() => Promise<void>} work
 * @returns {() => void} call it whenever the work is to be done anew
 */
export function repeated(work) {
  let isRunning = false;
  let isWanted = false;
  const run = async () => {
    isWanted = true;
    if (isRunning) return;
    if (document.hidden) {
      postponed.add(run);
      return;
    }
    isRunning = true;
    while (isWanted) {
      isWanted = false;
      const begun = performance.now();
      await work();
      await new Promise((resolve) => setTimeout(resolve, Math.max(40, performance.now() - begun)));
    }
    isRunning = false;
  };
  return () => void run();
}
