// How good the models are: compared, what they mistake for what, and their worst mistakes.

import { ask, percent, tell } from "./api.js";
import { byId, make } from "./elements.js";

const SHARES = ["MNIST", "USPS", "HwD", "rejects", "corrupted"];

let isThere = false;

export async function enter() {
  if (isThere) return;
  isThere = true;
  try {
    const { compared, measured } = await ask("figures.json");
    byId("compared").replaceChildren(...comparison(compared));
    byId("measured").replaceChildren(...measured.map(report));
  } catch (error) {
    isThere = false;
    tell(error.message);
  }
}

const head = (text, scope = "col") => make("th", { textContent: text, scope });
const cell = (text) => make("td", { textContent: text });

function comparison(models) {
  const titles = ["Model", ...SHARES.map((name) => `${name} %`), "MB", "µs a digit"];
  const best = SHARES.map((name) => Math.max(...models.map(({ shares }) => shares[name] ?? 0)));
  const rows = models.map(({ name, shares, megabytes, microseconds }) => {
    const cells = SHARES.map((share, at) => {
      const made = cell(share in shares ? (100 * shares[share]).toFixed(2) : "–");
      made.classList.toggle("best", shares[share] === best[at]);
      return made;
    });
    return make("tr", {}, head(name.replace("models/", "").replace(".onnx", ""), "row"), ...cells, cell(megabytes.toFixed(2)), cell(Math.round(microseconds)));
  });
  return [make("thead", {}, make("tr", {}, ...titles.map((title) => head(title)))), make("tbody", {}, ...rows)];
}

function report({ name, labels, matrix, mistakes }) {
  const names = [...labels, "none"];
  const most = Math.max(...matrix.flatMap((row, at) => row.filter((_, other) => other !== at)));
  const rows = matrix.map((row, at) => {
    const cells = row.map((count, other) => {
      const made = cell(count || "");
      if (at === other) made.className = "right";
      else if (count) made.style.backgroundColor = `color-mix(in srgb, #d9601a ${Math.round(15 + (40 * count) / most)}%, transparent)`;
      return made;
    });
    return make("tr", {}, head(names[at], "row"), ...cells);
  });
  const caption = make("caption", { className: "quiet", textContent: "Rows: what is written. Columns: what was read of MNIST's test digits." });
  const top = make("tr", {}, make("td"), ...names.map((label) => head(label)));
  const table = make("table", { className: "matrix" }, caption, make("thead", {}, top), make("tbody", {}, ...rows));
  const gallery = mistakes.map(({ patch, written, read, confidence }) => {
    const image = make("img", { src: patch, width: 70, height: 70, alt: "" });
    return make("figure", {}, image, make("figcaption", {}, `${written} read as `, make("b", { textContent: read || "none" }), make("br"), `${percent(confidence)} sure`));
  });
  return make(
    "section",
    {},
    make("h2", { textContent: `${name}: confusions` }),
    make("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: `Confusions of ${name}` }, table),
    make("h2", { textContent: `${name}: worst mistakes` }),
    make("div", { className: "gallery" }, ...gallery),
  );
}
