// The theme is known before anything is drawn: no flash of the other one.
document.documentElement.dataset.theme =
  localStorage.getItem("hpo.theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
