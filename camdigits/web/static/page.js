// Tabs and settings. Each tab is a module of its own, which is told when it is shown and when it is left.

import { ask, change, percent, settings, tell } from "./api.js";
import { byId, make } from "./elements.js";
import * as camera from "./camera.js";
import * as draw from "./draw.js";
import * as figures from "./figures.js";
import * as pictures from "./pictures.js";
import * as watch from "./watch.js";

const parts = { draw, pictures, camera, watch, figures };
let shown = "";

function show(name) {
  if (!parts[name] || byId(`tab-${name}`).hidden) name = "draw";
  if (name === shown) return;
  parts[shown]?.leave?.();
  // not at the start: a place in the address is where the keyboard begins
  if (shown) history.replaceState(null, "", `#${name}`);
  shown = name;
  tell();
  for (const tab of document.querySelectorAll('[role="tab"]')) {
    const on = tab.getAttribute("aria-controls") === name;
    tab.setAttribute("aria-selected", on);
    tab.tabIndex = on ? 0 : -1;
    byId(tab.getAttribute("aria-controls")).hidden = !on;
  }
  parts[name].enter?.();
}

byId("tabs").addEventListener("click", ({ target }) => {
  if (target.role === "tab") show(target.getAttribute("aria-controls"));
});

byId("tabs").addEventListener("keydown", (event) => {
  const tabs = [...document.querySelectorAll('[role="tab"]:not([hidden])')];
  const step = { ArrowRight: 1, ArrowLeft: -1, Home: -tabs.indexOf(event.target), End: -1 - tabs.indexOf(event.target) };
  if (!(event.key in step)) return;
  event.preventDefault();
  const next = tabs.at((tabs.indexOf(event.target) + step[event.key]) % tabs.length);
  show(next.getAttribute("aria-controls"));
  next.focus();
});

window.addEventListener("hashchange", () => show(location.hash.slice(1)));

byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.style.colorScheme
    ? root.style.colorScheme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.style.colorScheme = isDark ? "light" : "dark";
  localStorage.setItem("theme", root.style.colorScheme);
});

byId("model").addEventListener("change", ({ target }) => choose(target.value));

function choose(name) {
  change({ model: name, labels: offer.models.find((model) => model.name === name).labels });
}

byId("confidence").addEventListener("input", ({ target }) => {
  byId("confidence-said").value = percent(Number(target.value));
});
byId("confidence").addEventListener("change", ({ target }) => change({ confidence: Number(target.value) }));

pictures.whenGiven(() => show("pictures"));
if (location.hash !== "#watch") show(location.hash.slice(1)); // whether there is something to watch is yet to be asked

let offer = null;
try {
  offer = await ask("api/models");
  byId("model").append(...offer.models.map(({ name }) => make("option", { value: name, textContent: name })));
  byId("confidence").value = offer.min_confidence;
  byId("confidence-said").value = percent(offer.min_confidence);
  if (offer.source) {
    byId("tab-watch").hidden = false;
    byId("watched").setAttribute("aria-label", `What ${offer.source} sees`);
  }
  Object.assign(settings, { confidence: offer.min_confidence, collects: offer.collects });
  choose(offer.models[0].name);
} catch (error) {
  tell(error.message);
}
if (!shown) show(location.hash.slice(1));
