// @ts-check
/** The connection by which the server says what changed; as a shared worker, one for all tabs. */

const PAUSE = 1500; // milliseconds before the server is tried again

/** @param {(change: any) => void} hear */
export function connect(hear) {
  const source = new EventSource("/api/changes");
  source.onmessage = (event) => hear(JSON.parse(event.data));
  source.onerror = () => {
    hear({ lost: true });
    source.close();
    setTimeout(() => connect(hear), PAUSE);
  };
}

if ("onconnect" in globalThis) {
  /** @type {Set<MessagePort>} */
  const ports = new Set();
  let isConnected = false;
  let isBegun = false;
  /** @type {any} */ (globalThis).onconnect = (/** @type {MessageEvent} */ event) => {
    const [port] = event.ports;
    ports.add(port);
    port.onmessage = () => ports.delete(port); // it says only that it leaves
    if (isConnected) port.postMessage({ connected: true });
    if (!isBegun) {
      isBegun = true;
      connect((change) => {
        isConnected = change.lost ? false : isConnected || Boolean(change.connected);
        for (const each of ports) each.postMessage(change);
      });
    }
  };
}
