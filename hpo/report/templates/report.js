"use strict";
// Unpacks plotly and the figures, and draws each when it comes into view, in the theme of the moment.

const dark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
let figures, templates;

async function unpacked(id) {
  const letters = document.getElementById(id).content.textContent.trim();
  const bytes = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

function theme() {
  return root.dataset.theme || (dark.matches ? "dark" : "light");
}

function draw(plot) {
  const figure = figures[plot.dataset.figure];
  const layout = { ...structuredClone(figure.layout), template: templates[theme()], autosize: true };
  const options = { responsive: true, displayModeBar: false };
  plot.dataset.drawn = theme();
  return Plotly.react(plot, figure.data, layout, options);
}

function redraw() {
  for (const plot of document.querySelectorAll(".plot[data-drawn]")) draw(plot);
}

async function main() {
  for (const time of document.querySelectorAll("time[data-seconds]")) {
    const date = new Date(1000 * Number(time.dataset.seconds));
    time.dateTime = date.toISOString();
    time.textContent = date.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  }
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = theme() === "dark" ? "light" : "dark";
    redraw();
  });
  const plots = document.querySelectorAll(".plot");
  if (!plots.length) return;
  const library = document.createElement("script");
  library.textContent = await unpacked("plotly");
  document.head.append(library);
  ({ figures, templates } = JSON.parse(await unpacked("figures")));
  dark.addEventListener("change", redraw);
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watcher.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "400px" });
  for (const plot of plots) watcher.observe(plot);
  addEventListener("beforeprint", () => {
    for (const plot of document.querySelectorAll(".plot:not([data-drawn])")) draw(plot);
  });
}

main().catch((error) => {
  document.getElementById("broken").hidden = false;
  console.error(error);
});
